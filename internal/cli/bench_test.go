package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/bench"
)

// benched runs `telltale bench` over measurements that somebody made up.
func benched(t *testing.T, ctx context.Context, args string, marks benchmarks) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := newBencherCommand(Env{Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}, marks)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(strings.Fields(args))
	err = cmd.ExecuteContext(ctx)
	return out.String(), errs.String(), err
}

// answering measures nothing, checks what it was asked for, and answers.
func answering(t *testing.T, want bench.Options, rows []bench.Row, err error) func(context.Context, bench.Options) ([]bench.Row, error) {
	return func(_ context.Context, got bench.Options) ([]bench.Row, error) {
		if got.Quick != want.Quick || strings.Join(got.Only, " ") != strings.Join(want.Only, " ") || got.Pairs != want.Pairs || got.Dir != want.Dir {
			t.Errorf("asked for %+v, want %+v", got, want)
		}
		got.Progress("half way")
		return rows, err
	}
}

func TestBench(t *testing.T) {
	good := bench.Row{Name: "rebuild", Figure: 2, Unit: "events/s", Limit: 4, Ratio: 0.5, Goal: 0.2, OK: true, Verdict: bench.Passed}
	bad := bench.Row{Name: "pipeline", Figure: 1, Unit: "events/s", Limit: 4, Ratio: 0.25, Goal: 0.35, Verdict: bench.Missed}
	unclear := bench.Row{Name: "project-live", Figure: 1, Unit: "events/s", Limit: 4, Ratio: 0.1, Goal: 0.12, Verdict: bench.Inconclusive}
	broken := errors.New("the disk is full")
	for name, c := range map[string]struct {
		args string
		opts bench.Options
		rows []bench.Row
		err  error
		want string // of the error
		out  string // that stdout begins with
	}{
		"all is well": {"", bench.Options{}, []bench.Row{good}, nil, "", "ROW "},
		"options": {
			"--quick --only rebuild,pipeline --pairs 3 --dir /srv",
			bench.Options{Quick: true, Only: []string{"rebuild", "pipeline"}, Pairs: 3, Dir: "/srv"},
			[]bench.Row{good},
			nil, "", "ROW ",
		},
		"markdown": {"-o markdown", bench.Options{}, []bench.Row{good}, nil, "", "| row |"},
		"missed": {
			"",
			bench.Options{},
			[]bench.Row{good, bad, unclear},
			nil,
			"bench: 2 of 3 rows did not pass: pipeline missed, project-live inconclusive", "ROW ",
		},
		"broken at once":  {"", bench.Options{}, nil, broken, "bench: the disk is full", ""},
		"broken half way": {"", bench.Options{}, []bench.Row{good}, broken, "bench: the disk is full", "ROW "},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, err := benched(t, t.Context(), c.args, benchmarks{run: answering(t, c.opts, c.rows, c.err)})
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != c.want || !strings.HasPrefix(stdout, c.out) || c.out == "" && stdout != "" {
				t.Errorf("%q\n%s", text, stdout)
			}
			if stderr != "half way\n" {
				t.Errorf("stderr %q", stderr)
			}
		})
	}
}

// TestBenchJSON: programs read these names.
func TestBenchJSON(t *testing.T) {
	row := bench.Row{Name: "rebuild", Figure: 2, Unit: "events/s", Limit: 4, Ratio: 0.5, Goal: 0.2, OK: true, Verdict: bench.Passed}
	stdout, _, err := benched(t, t.Context(), "--scale -o json", benchmarks{scale: answering(t, bench.Options{}, []bench.Row{row}, nil)})
	if err != nil {
		t.Fatal(err)
	}
	var got struct{ Rows []map[string]any }
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || len(got.Rows) != 1 {
		t.Fatalf("%v\n%s", err, stdout)
	}
	for name, want := range map[string]any{
		"name": "rebuild", "figure": 2.0, "unit": "events/s", "limit": 4.0, "ratio": 0.5, "goal": 0.2, "ok": true, "verdict": "passed",
	} {
		if got.Rows[0][name] != want {
			t.Errorf("%s is %v, want %v", name, got.Rows[0][name], want)
		}
	}
}

// TestBenchStops: Ctrl-C is no measurement, but what was measured is shown.
func TestBenchStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	run := func(context.Context, bench.Options) ([]bench.Row, error) {
		cancel()
		return []bench.Row{{Name: "rebuild", OK: true}}, ctx.Err()
	}
	stdout, _, err := benched(t, ctx, "", benchmarks{run: run})
	if err == nil || err.Error() != "bench: stopped before all was measured" || !strings.Contains(stdout, "rebuild") {
		t.Errorf("%v\n%s", err, stdout)
	}
}

func TestBenchRefuses(t *testing.T) {
	for _, args := range []string{"--only rebuilt", "--pairs -1", "-o yaml"} {
		_, _, err := benched(t, t.Context(), args, benchmarks{})
		var exit *ExitError
		if !errors.As(err, &exit) || exit.Code != ExitUsage {
			t.Errorf("%s: %v", args, err)
		}
	}
	for _, args := range []string{"--scale --quick", "--scale --only rebuild"} {
		if _, _, err := benched(t, t.Context(), args, benchmarks{}); err == nil {
			t.Errorf("%s was taken", args)
		}
	}
}
