package access

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

func tokensPath(t *testing.T, doc string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	writeTokens(t, path, doc)
	return path
}

func writeTokens(t *testing.T, path, doc string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
}

func request(t *testing.T, authorization string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

func TestAuthenticate(t *testing.T) {
	a, err := Load(tokensPath(t, `
tokens:
  - {name: ci, sha256: `+hash("s3cret")+`, roles: [emit]}
  - {name: ci, sha256: `+hash("s3cret-next")+`, roles: [emit]}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		header string
		want   string
		code   events.Code
	}{
		{"Bearer s3cret", "ci", ""},
		{"bearer s3cret-next", "ci", ""},
		{"", "", events.CodeAuth},
		{"Bearer", "", events.CodeAuth},
		{"Bearer ", "", events.CodeAuth},
		{"Bearer S3CRET", "", events.CodeAuth},
		{"Bearer " + hash("s3cret"), "", events.CodeAuth},
		{"Basic s3cret", "", events.CodeAuth},
	} {
		c, err := a.Authenticate(request(t, tc.header))
		if c.Name != tc.want || events.CodeOf(err) != tc.code {
			t.Errorf("Authorization %q: caller %q, error %v; want %q, %q", tc.header, c.Name, err, tc.want, tc.code)
		}
	}
}

func TestOpenIsLocalWithAllRoles(t *testing.T) {
	c, err := Open().Authenticate(request(t, ""))
	if err != nil || c.Name != Local {
		t.Fatalf("caller %q, error %v", c.Name, err)
	}
	for _, role := range []Role{RoleEmit, RoleImport, RoleView, RoleOperate, RoleAdmin} {
		if err := c.May(role, "", ""); err != nil {
			t.Errorf("%s: %v", role, err)
		}
	}
}

func TestMay(t *testing.T) {
	a, err := Load(tokensPath(t, `
tokens:
  - {name: all, sha256: `+hash("all")+`, roles: [emit, view]}
  - {name: boss, sha256: `+hash("boss")+`, roles: [admin]}
  - {name: shop, sha256: `+hash("shop")+`, roles: [emit], envs: ["prod", "stage-*"], components: ["checkout*"]}
  - {name: prod, sha256: `+hash("prod")+`, roles: [operate], envs: [prod]}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		token          string
		role           Role
		env, component string
		ok             bool
	}{
		{"all", RoleEmit, "prod", "checkout", true},
		{"all", RoleEmit, "", "", true},
		{"all", RoleImport, "prod", "checkout", false},
		{"all", RoleAdmin, "", "", false},
		{"boss", RoleImport, "prod", "checkout", true},
		{"shop", RoleEmit, "prod", "checkout-api", true},
		{"shop", RoleEmit, "stage-7", "checkout", true},
		{"shop", RoleEmit, "dev", "checkout", false},
		{"shop", RoleEmit, "prod", "search", false},
		{"shop", RoleEmit, "prod", "", false},
		{"shop", RoleEmit, "", "", false},
		{"shop", RoleView, "prod", "checkout", false},
		{"prod", RoleOperate, "prod", "", true},
		{"prod", RoleOperate, "", "", false},
		{"prod", Role("root"), "prod", "", false},
	} {
		c, err := a.Token(tc.token)
		if err != nil {
			t.Fatal(err)
		}
		err = c.May(tc.role, tc.env, tc.component)
		if (err == nil) != tc.ok || err != nil && events.CodeOf(err) != events.CodeForbidden {
			t.Errorf("%s may %s in %q for %q: %v, want ok=%t", tc.token, tc.role, tc.env, tc.component, err, tc.ok)
		}
	}
	if err := (Caller{}).May(RoleView, "prod", "checkout"); err == nil {
		t.Error("the zero caller may view")
	}
}

func TestEmitter(t *testing.T) {
	a, err := Load(tokensPath(t, `tokens: [{name: ci, sha256: `+hash("x")+`, roles: [emit], envs: [prod]}]`))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := a.Emitter("ci"); err != nil || c.May(RoleEmit, "dev", "api") == nil {
		t.Errorf("ci: %v, %v", c, err)
	}
	if _, err := a.Emitter("other"); events.CodeOf(err) != events.CodeForbidden {
		t.Errorf("unknown emitter: %v", err)
	}
	if _, err := Open().Emitter("em.*"); events.CodeOf(err) != events.CodeBadID {
		t.Errorf("emitter with a wildcard: %v", err)
	}
	if c, err := Open().Emitter("em-a"); err != nil || c.Name != "em-a" || c.May(RoleEmit, "prod", "api") != nil {
		t.Errorf("open emitter: %v, %v", c, err)
	}
}

func TestEmittersAreThoseWhoMaySend(t *testing.T) {
	a, err := Load(tokensPath(t, `
tokens:
  - {name: ops, sha256: `+hash("ops")+`, roles: [operate]}
  - {name: viewer, sha256: `+hash("viewer")+`, roles: [view]}
  - {name: ci, sha256: `+hash("old")+`, roles: [emit]}
  - {name: ci, sha256: `+hash("new")+`, roles: [emit]}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for name, sum := range a.Emitters() {
		got = append(got, name)
		if c := a.table.Load().byToken[sum]; c.Name != name {
			t.Errorf("%s with the token of %q", name, c.Name)
		}
	}
	if want := []string{"ci", "ci", "ops"}; !slices.Equal(got, want) {
		t.Errorf("emitters %v, want %v", got, want)
	}
	for range Open().Emitters() {
		t.Error("an open Auth names emitters")
	}
}

func TestLoadRefuses(t *testing.T) {
	h := hash("x")
	for name, tc := range map[string]struct{ doc, want string }{
		"unknown key":     {"tokens: [{name: a, sha256: " + h + ", roles: [emit], env: [prod]}]", "env"},
		"unknown role":    {"tokens: [{name: a, sha256: " + h + ", roles: [root]}]", "root"},
		"no roles":        {"tokens: [{name: a, sha256: " + h + "}]", "roles are missing"},
		"bad name":        {"tokens: [{name: A.b, sha256: " + h + ", roles: [emit]}]", "E_BAD_ID"},
		"short hash":      {"tokens: [{name: a, sha256: abcd, roles: [emit]}]", "64 hex digits"},
		"hash not hex":    {"tokens: [{name: a, sha256: " + strings.Repeat("zz", 32) + ", roles: [emit]}]", "64 hex digits"},
		"one hash twice":  {"tokens: [{name: a, sha256: " + h + ", roles: [emit]}, {name: b, sha256: " + h + ", roles: [emit]}]", "another entry"},
		"name, other may": {"tokens: [{name: a, sha256: " + h + ", roles: [emit]}, {name: a, sha256: " + hash("y") + ", roles: [view]}]", "something else"},
		"empty patterns":  {"tokens: [{name: a, sha256: " + h + ", roles: [emit], envs: []}]", "leave it out"},
		"bad pattern":     {"tokens: [{name: a, sha256: " + h + ", roles: [emit], envs: ['[']}]", "not a pattern"},
		"nothing":         {"", "no tokens"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(tokensPath(t, tc.doc))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want it to say %q", err, tc.want)
			}
		})
	}
}

func TestReloadKeepsTheOldTokensOnAnError(t *testing.T) {
	path := tokensPath(t, "tokens: [{name: a, sha256: "+hash("one")+", roles: [emit]}]")
	a, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	writeTokens(t, path, "tokens: [{name: a")
	if err := a.Reload(); err == nil {
		t.Error("a broken file was taken")
	}
	if _, err := a.Token("one"); err != nil {
		t.Errorf("after a failed reload: %v", err)
	}
	writeTokens(t, path, "tokens: [{name: a, sha256: "+hash("two")+", roles: [emit]}]")
	if err := a.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Token("one"); err == nil {
		t.Error("a revoked token is still taken")
	}
	if _, err := a.Token("two"); err != nil {
		t.Error(err)
	}
}

func TestEmitting(t *testing.T) {
	c, err := Emitting("hook-shop", []string{"prod"}, nil)
	if err != nil || c.Name != "hook-shop" || c.May(RoleEmit, "prod", "checkout") != nil || c.May(RoleEmit, "dev", "checkout") == nil || c.Has(RoleView) {
		t.Errorf("%+v, %v", c, err)
	}
	for _, name := range []string{"", "hook.shop", "Hook"} {
		if _, err := Emitting(name, nil, nil); events.CodeOf(err) != events.CodeBadID {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := Emitting("hook-shop", nil, []string{"["}); err == nil {
		t.Error("a pattern that is none was taken")
	}
}
