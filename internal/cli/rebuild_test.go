package cli

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/app"
	"github.com/telltale-dev/telltale/internal/config"
)

func TestRebuild(t *testing.T) {
	lost := errors.New("the stream lost messages")
	for name, c := range map[string]struct {
		args string
		err  error
		want app.RebuildOptions
		out  string
		errs string
	}{
		"plain":       {"--data-dir /srv/tt", nil, app.RebuildOptions{}, "The store was rebuilt.\n3 deployments, digest sha256:ab\n", ""},
		"verify":      {"--data-dir /srv/tt --verify", nil, app.RebuildOptions{Verify: true}, "Verified: the store is what its events say.\n3 deployments, digest sha256:ab\n", ""},
		"as data":     {"--data-dir /srv/tt -o json", nil, app.RebuildOptions{}, "{\n  \"deployments\": 3,\n  \"digest\": \"sha256:ab\",\n  \"position\": 9,\n  \"redefined\": 0\n}\n", ""},
		"accept loss": {"--data-dir /srv/tt --accept-loss", nil, app.RebuildOptions{AcceptLoss: true}, "The store was rebuilt.\n3 deployments, digest sha256:ab\n", ""},
		"refused":     {"--data-dir /srv/tt", lost, app.RebuildOptions{}, "", "rebuild: the stream lost messages"},
	} {
		var out, errs bytes.Buffer
		cmd := newRebuildCommand(Env{Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }},
			func(_ context.Context, cfg *config.Config, o app.RebuildOptions) (app.Rebuilt, error) {
				if cfg.DataDir != "/srv/tt" || o.Verify != c.want.Verify || o.AcceptLoss != c.want.AcceptLoss {
					t.Errorf("%s: data dir %s, options %+v", name, cfg.DataDir, o)
				}
				for done := range uint64(1000) {
					o.Progress(done+1, 1000)
				}
				return app.Rebuilt{Deployments: 3, Digest: "sha256:ab", Position: 9}, c.err
			})
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(strings.Fields(c.args))
		err := cmd.ExecuteContext(t.Context())
		if !errors.Is(err, c.err) || err != nil && err.Error() != c.errs || out.String() != c.out {
			t.Errorf("%s: %v, %q", name, err, out.String())
		}
		if n := strings.Count(errs.String(), "\n"); n != 10 || !strings.HasSuffix(errs.String(), "100%  1000 of 1000 messages\n") {
			t.Errorf("%s: %d lines of progress:\n%s", name, n, errs.String())
		}
	}
}

func TestRebuildRefusesBoth(t *testing.T) {
	_, errs, code := telltale(t, answers{}, "rebuild", "--verify", "--accept-loss")
	if code == ExitOK || !strings.Contains(errs, "verify") {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
}
