package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	oldSecret = "made-up old secret"
	newSecret = "made-up new secret"
	body      = `{"state":"success"}`
)

func sum(secret string, parts ...string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(strings.Join(parts, "")))
	return mac.Sum(nil)
}

// sign makes the headers that the sender of a scheme would, at a time.
func sign(scheme Scheme, secret, body string, at time.Time) http.Header {
	h := http.Header{}
	stamp := strconv.FormatInt(at.Unix(), 10)
	switch scheme {
	case GitHub:
		h.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(sum(secret, body)))
	case GitLab:
		h.Set("X-GitLab-Token", secret)
	case StandardWebhooks:
		h.Set("webhook-id", "msg_1")
		h.Set("webhook-timestamp", stamp)
		h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(sum(secret, "msg_1.", stamp, ".", body)))
	case Bearer:
		h.Set("Authorization", "Bearer "+secret)
	case Basic:
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(secret)))
	case Jira:
		h.Set("X-Hub-Signature", "sha256="+hex.EncodeToString(sum(secret, body)))
	case Flux:
		h.Set("X-Signature", "sha256="+hex.EncodeToString(sum(secret, body)))
	case PagerDuty:
		h.Set("X-PagerDuty-Signature", "v1="+hex.EncodeToString(sum(secret, body)))
	case Slack:
		h.Set("X-Slack-Request-Timestamp", stamp)
		h.Set("X-Slack-Signature", "v0="+hex.EncodeToString(sum(secret, "v0:", stamp, ":", body)))
	}
	return h
}

// configured returns how a secret is written in the configuration.
func configured(scheme Scheme, secret string) string {
	if scheme == StandardWebhooks {
		return standardPrefix + base64.StdEncoding.EncodeToString([]byte(secret))
	}
	return secret
}

// secretsOf returns two secrets that fit a scheme.
func secretsOf(scheme Scheme) (older, newer string) {
	if scheme == Basic {
		return "tool:" + oldSecret, "tool:" + newSecret
	}
	return oldSecret, newSecret
}

func verifier(t *testing.T, scheme Scheme, secrets ...string) *Verifier {
	t.Helper()
	for i := range secrets {
		secrets[i] = configured(scheme, secrets[i])
	}
	v, err := New(scheme, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestEveryScheme holds each scheme to what all have in common: both secrets of
// a rotation count, others do not, and what is changed on the way is refused.
func TestEveryScheme(t *testing.T) {
	signsBody := map[Scheme]bool{GitHub: true, StandardWebhooks: true, PagerDuty: true, Slack: true, Jira: true, Flux: true}
	signsTime := map[Scheme]bool{StandardWebhooks: true, Slack: true}
	for _, scheme := range Schemes() {
		t.Run(string(scheme), func(t *testing.T) {
			older, newer := secretsOf(scheme)
			both := verifier(t, scheme, older, newer)
			for _, tc := range []struct {
				name   string
				v      *Verifier
				header http.Header
				body   string
				now    time.Time
				ok     bool
			}{
				{"new secret", both, sign(scheme, newer, body, noon), body, noon, true},
				{"old secret while it is replaced", both, sign(scheme, older, body, noon), body, noon, true},
				{"old secret afterwards", verifier(t, scheme, newer), sign(scheme, older, body, noon), body, noon, false},
				{"another's secret", both, sign(scheme, "tool:made-up, another's", body, noon), body, noon, false},
				{"a secret cut short", both, sign(scheme, newer[:len(newer)-1], body, noon), body, noon, false},
				{"no headers", both, http.Header{}, body, noon, false},
				{"body changed", both, sign(scheme, newer, body, noon), strings.ToUpper(body), noon, !signsBody[scheme]},
				{"empty body", both, sign(scheme, newer, "", noon), "", noon, true},
				{"five minutes old", both, sign(scheme, newer, body, noon), body, noon.Add(Tolerance), true},
				{"more than five minutes old", both, sign(scheme, newer, body, noon), body, noon.Add(Tolerance + time.Second), !signsTime[scheme]},
				{"five minutes ahead", both, sign(scheme, newer, body, noon), body, noon.Add(-Tolerance), true},
				{"more than five minutes ahead", both, sign(scheme, newer, body, noon), body, noon.Add(-Tolerance - time.Second), !signsTime[scheme]},
			} {
				err := tc.v.Verify(tc.header, []byte(tc.body), tc.now)
				if (err == nil) != tc.ok {
					t.Errorf("%s: %v", tc.name, err)
				}
				refusedFor(t, err)
			}
			for name := range sign(scheme, newer, body, noon) {
				h := sign(scheme, newer, body, noon)
				h.Add(name, h.Get(name))
				if both.Verify(h, []byte(body), noon) == nil {
					t.Errorf("taken with %s twice", name)
				}
				h = sign(scheme, newer, body, noon)
				h.Del(name)
				if both.Verify(h, []byte(body), noon) == nil {
					t.Errorf("taken without %s", name)
				}
				h = sign(scheme, newer, body, noon)
				h.Set(name, h.Get(name)[:len(h.Get(name))/2])
				if both.Verify(h, []byte(body), noon) == nil {
					t.Errorf("taken with half of %s", name)
				}
			}
		})
	}
}

// refusedFor holds a refusal to what everyone may see.
func refusedFor(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := err.(*events.Error)
	if !ok || e.Code != events.CodeAuth || e.Detail == "" {
		t.Fatalf("%v is no refusal of credentials", err)
	}
	for _, secret := range []string{oldSecret, newSecret} {
		text := e.Detail + e.Hint
		for _, shown := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString(sum(secret, body))} {
			if strings.Contains(text, shown) {
				t.Errorf("%q shows %q", text, shown)
			}
		}
	}
}

// TestWhatSendersWrite has the forms that differ between senders of one scheme.
func TestWhatSendersWrite(t *testing.T) {
	stamp := strconv.FormatInt(noon.Unix(), 10)
	good := base64.StdEncoding.EncodeToString(sum(newSecret, "msg_1.", stamp, ".", body))
	standard := func(signature string) http.Header {
		h := sign(StandardWebhooks, newSecret, body, noon)
		h.Set("webhook-signature", signature)
		return h
	}
	of := func(nameAndValue ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(nameAndValue); i += 2 {
			h.Set(nameAndValue[i], nameAndValue[i+1])
		}
		return h
	}
	github := hex.EncodeToString(sum(newSecret, body))
	zeros := strings.Repeat("0", 64)
	for name, tc := range map[string]struct {
		scheme Scheme
		header http.Header
		ok     bool
	}{
		"GitHub, capitals":                 {GitHub, of("X-Hub-Signature-256", "sha256="+strings.ToUpper(github)), true},
		"GitHub, SHA-1 only":               {GitHub, of("X-Hub-Signature", "sha1=0000"), false},
		"GitHub, no algorithm":             {GitHub, of("X-Hub-Signature-256", github), false},
		"GitHub, not hex":                  {GitHub, of("X-Hub-Signature-256", "sha256="+strings.Repeat("zz", 32)), false},
		"GitHub, too long":                 {GitHub, of("X-Hub-Signature-256", "sha256="+github+"00"), false},
		"Jira, capitals":                   {Jira, of("X-Hub-Signature", "sha256="+strings.ToUpper(github)), true},
		"Jira, SHA-1":                      {Jira, of("X-Hub-Signature", "sha1="+github[:40]), false},
		"Jira, GitHub's header":            {Jira, of("X-Hub-Signature-256", "sha256="+github), false},
		"Flux, SHA-512":                    {Flux, of("X-Signature", "sha512="+github+github), false},
		"Flux, no algorithm":               {Flux, of("X-Signature", github), false},
		"Standard, of several":             {StandardWebhooks, standard("v1,AAAA v1," + good), true},
		"Standard, beside an asymmetric":   {StandardWebhooks, standard("v1a,AAAA v1," + good), true},
		"Standard, asymmetric only":        {StandardWebhooks, standard("v1a," + good), false},
		"Standard, behind too many others": {StandardWebhooks, standard(strings.Repeat("v1,"+base64.StdEncoding.EncodeToString(make([]byte, 32))+" ", 8) + "v1," + good), false},
		"Standard, a time in words":        {StandardWebhooks, of("webhook-id", "a", "webhook-timestamp", "now", "webhook-signature", "v1,"+good), false},
		"Standard, a negative time":        {StandardWebhooks, of("webhook-id", "a", "webhook-timestamp", "-"+stamp, "webhook-signature", "v1,"+good), false},
		"Standard, a time that overflows":  {StandardWebhooks, of("webhook-id", "a", "webhook-timestamp", "9223372036854775807", "webhook-signature", "v1,"+good), false},
		"PagerDuty, of two":                {PagerDuty, of("X-PagerDuty-Signature", "v1="+zeros+",v1="+github), true},
		"PagerDuty, of two with a space":   {PagerDuty, of("X-PagerDuty-Signature", "v1="+zeros+", v1="+github), true},
		"PagerDuty, another version":       {PagerDuty, of("X-PagerDuty-Signature", "v2="+github), false},
		"Bearer, small letters":            {Bearer, of("Authorization", "bearer "+newSecret), true},
		"Bearer, another scheme":           {Bearer, of("Authorization", "Token "+newSecret), false},
		"Bearer, nothing behind it":        {Bearer, of("Authorization", "Bearer "), false},
		"Basic, not base64":                {Basic, of("Authorization", "Basic tool:secret"), false},
		"Slack, another version":           {Slack, of("X-Slack-Request-Timestamp", stamp, "X-Slack-Signature", "v1="+zeros), false},
	} {
		t.Run(name, func(t *testing.T) {
			secret := newSecret
			if tc.scheme == Basic {
				secret = "tool:" + newSecret
			}
			err := verifier(t, tc.scheme, secret).Verify(tc.header, []byte(body), noon)
			if (err == nil) != tc.ok {
				t.Error(err)
			}
			refusedFor(t, err)
		})
	}
}

// TestGitLabSigns goes from a token to a signing token with both in force.
func TestGitLabSigns(t *testing.T) {
	signing := standardPrefix + base64.StdEncoding.EncodeToString([]byte(newSecret))
	token, signed := sign(GitLab, oldSecret, body, noon), sign(StandardWebhooks, newSecret, body, noon)
	forged := sign(StandardWebhooks, oldSecret, body, noon)
	forged.Set("X-GitLab-Token", signing) // a signing key is never what is shown
	for name, tc := range map[string]struct {
		secrets []string
		header  http.Header
		ok      bool
	}{
		"both in force, token":       {[]string{oldSecret, signing}, token, true},
		"both in force, signature":   {[]string{oldSecret, signing}, signed, true},
		"signing only, signature":    {[]string{signing}, signed, true},
		"signing only, token":        {[]string{signing}, token, false},
		"token only, signature":      {[]string{oldSecret}, signed, false},
		"the key shown as a token":   {[]string{signing}, forged, false},
		"wrong signature with token": {[]string{oldSecret, signing}, forged, false},
	} {
		v, err := New(GitLab, tc.secrets...)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(tc.header, []byte(body), noon); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		scheme  Scheme
		secrets []string
		want    string
	}{
		"no such scheme":       {"sha1", []string{newSecret}, "none of"},
		"no secrets":           {GitHub, nil, "no secrets"},
		"empty secret":         {GitHub, []string{newSecret, ""}, "secret 2 is empty"},
		"key that is no key":   {StandardWebhooks, []string{"whsec_!"}, "not base64"},
		"empty key":            {StandardWebhooks, []string{"whsec_"}, "is empty"},
		"GitLab key, no key":   {GitLab, []string{"whsec_!"}, "not base64"},
		"password alone":       {Basic, []string{newSecret}, "user:password"},
		"a newline at the end": {GitHub, []string{newSecret + "\n"}, "control character"},
	} {
		_, err := New(tc.scheme, tc.secrets...)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
		for _, secret := range tc.secrets {
			if err != nil && len(secret) > 3 && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: %v shows the secret", name, err)
			}
		}
	}
}

// FuzzVerify holds that nobody gets in by luck, and that nothing makes it panic.
func FuzzVerify(f *testing.F) {
	for n, scheme := range Schemes() {
		_, newer := secretsOf(scheme)
		for name, values := range sign(scheme, newer, body, noon) {
			f.Add(byte(n), name, values[0], name, values[0], []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, n byte, name1, value1, name2, value2 string, body []byte) {
		scheme := Schemes()[int(n)%len(Schemes())]
		_, newer := secretsOf(scheme)
		h := http.Header{}
		h.Set(name1, value1)
		h.Set(name2, value2)
		err := verifier(t, scheme, newer).Verify(h, body, noon)
		if err != nil {
			refusedFor(t, err)
			return
		}
		want := sign(scheme, newer, string(body), noon)
		for name := range want {
			if len(h[name]) == 0 {
				t.Errorf("taken without %s: %s", name, fmt.Sprint(h))
			}
		}
	})
}
