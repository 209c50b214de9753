package cli

import (
	"strings"
	"testing"
)

// What is in force is printed as it was written, and chosen by its environment.
func TestLifecyclePrintAsksTheServer(t *testing.T) {
	const two = `{"items":[
		{"kind":"Lifecycle","name":"mine","version":"2","digest":"sha256:2","envs":["prod"],"document":"version: two\n"},
		{"kind":"Lifecycle","name":"mine","version":"1","digest":"sha256:1","envs":["test"],"document":"version: one\n"}]}`
	server := answers{
		"/v1/definitions?kind=Lifecycle&name=mine": two,
		"/v1/definitions?kind=Lifecycle&name=none": `{"items":[]}`,
		"/v1/definitions?kind=Lifecycle&name=same": strings.ReplaceAll(strings.ReplaceAll(two, "sha256:2", "sha256:1"), "two", "one"),
	}
	for _, tc := range []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"mine --env prod", ExitOK, "version: two\n", ""},
		{"mine --env test", ExitOK, "version: one\n", ""},
		{"same", ExitOK, "version: one\n", ""},
		{"mine", ExitUsage, "", "several versions of mine are in force: 2, 1"},
		{"mine --env stage", ExitNotFound, "", "no lifecycle mine is in force there"},
		{"none", ExitNotFound, "", "no lifecycle none"},
		{"mine --schema", ExitUsage, "", "leave out mine"},
	} {
		t.Run(tc.args, func(t *testing.T) {
			out, errs, code := telltale(t, server, append([]string{"lifecycle", "print"}, strings.Fields(tc.args)...)...)
			if code != tc.code || out != tc.stdout || !strings.Contains(errs, tc.stderr) {
				t.Errorf("exit code %d, stdout %q, stderr %q, want %d, %q, %q", code, out, errs, tc.code, tc.stdout, tc.stderr)
			}
		})
	}
	out, _, _ := telltale(t, server, "lifecycle", "print", "mine", "--env", "prod", "-o", "json")
	if !strings.Contains(out, `"digest": "sha256:2"`) {
		t.Errorf("-o json prints %s", out)
	}
}
