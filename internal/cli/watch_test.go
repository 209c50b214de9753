package cli

import (
	"net/http"
	"strings"
	"testing"
)

// changed is a change of a deployment as the API lists it.
func changed(key, to, release string) string {
	return `{"type":"dev.telltale.deployment.changed.v1","data":{"key":"` + key + `","to":"` + to + `","release":"` + release + `","at":"2026-03-01T10:00:00Z"}}`
}

// TestWatchKey begins where the list ends and shows what the key names. The server
// has no third answer, which ends the watch.
func TestWatchKey(t *testing.T) {
	changes := `{"items":[` + strings.Join([]string{
		changed("prod/r/c/1", "deployed", "r7"), changed("prod/r/c/2", "failed", "r8"), changed("prod/r/d/1", "planned", "r7"),
		`{"type":"dev.telltale.slot.changed.v1","data":{}}`,
	}, ",") + `],"next":9}`
	list := `{"items":[{"key":"prod/r/c/1","deployment":"1","status":"in_progress"},{"key":"prod/r/c/2","deployment":"2","status":"in_progress"}],"changes_after":7}`
	for name, tc := range map[string]struct {
		list string // what is asked for first
		args []string
		want string // keys and statuses
	}{
		"a deployment": {"/v1/deployments?component=c&env=prod&limit=500&region=r", []string{"prod/r/c/1"}, "prod/r/c/1 in_progress, prod/r/c/1 deployed"},
		"a slot": {
			"/v1/deployments?component=c&env=prod&limit=500&region=r",
			[]string{"prod/r/c"},
			"prod/r/c/1 in_progress, prod/r/c/2 in_progress, prod/r/c/1 deployed, prod/r/c/2 failed",
		},
		"a release":  {"/v1/deployments?env=prod&limit=500&release=r8", []string{"prod/r8"}, "prod/r/c/1 in_progress, prod/r/c/2 in_progress, prod/r/c/2 failed"},
		"everything": {"/v1/deployments?limit=1", nil, "prod/r/c/1 deployed, prod/r/c/2 failed, prod/r/d/1 planned"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, code := telltale(t, answers{tc.list: list, "/v1/changes?after=7&limit=1000": changes}, append([]string{"watch"}, tc.args...)...)
			var got []string
			for line := range strings.Lines(out) {
				if cells := strings.Fields(line); cells[0] != "KEY" {
					got = append(got, cells[0]+" "+cells[1])
				}
			}
			if strings.Join(got, ", ") != tc.want || code != ExitNotFound {
				t.Errorf("exit code %d, %q, want %q", code, got, tc.want)
			}
		})
	}
	if _, errs, code := telltale(t, answers{}, "watch", "a"); code != ExitUsage || !strings.Contains(errs, "nor the two of a release") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

// TestWait judges what it sees at its first look.
func TestWait(t *testing.T) {
	for name, tc := range map[string]struct {
		d    string
		args []string
		code int
		want string // a part of stdout or stderr
	}{
		"there":            {`"status":"deployed"`, []string{"--for", "deployed"}, ExitOK, "deployed"},
		"gone on":          {`"status":"verified"`, []string{"--for", "deployed"}, ExitOK, "verified"},
		"any of them":      {`"status":"failed"`, []string{"--for", "deployed,failed"}, ExitOK, "failed"},
		"failed":           {`"status":"failed","reason":"quota"`, []string{"--for", "deployed"}, ExitEndedBadly, "is failed (quota) and will not become deployed"},
		"superseded":       {`"status":"superseded"`, []string{"--for", "deployed"}, ExitEndedBadly, "is superseded"},
		"another's end":    {`"status":"binned","finished_at":"2026-03-01T10:00:00Z"`, []string{"--for", "deployed"}, ExitEndedBadly, "is binned"},
		"not yet":          {`"status":"stalled"`, []string{"--for", "deployed"}, ExitTimeout, "waited for 1ms: it is stalled"},
		"landed only":      {`"status":"deployed"`, []string{"--for", "verified"}, ExitTimeout, "it is deployed"},
		"no deployment":    {`]`, []string{"--for", "verified"}, ExitFailure, "read the deployment"},
		"without a status": {`"status":"deployed"`, nil, ExitUsage, "--for and --timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body := `{"key":"prod/r/c/1",` + tc.d + `}`
				if tc.d == "]" {
					body = `[]`
				}
				answers{"/v1/deployments/prod/r/c/1": body}.ServeHTTP(w, r)
			})
			timeout := "30s"
			if tc.code == ExitTimeout {
				timeout = "1ms"
			}
			out, errs, code := telltale(t, server, append([]string{"wait", "prod/r/c/1", "--timeout", timeout}, tc.args...)...)
			if code != tc.code || !strings.Contains(out+errs, tc.want) {
				t.Errorf("exit code %d, want %d; stdout %q, stderr %q, want %q", code, tc.code, out, errs, tc.want)
			}
		})
	}
}
