package expr

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

type check struct {
	Kind  string `cel:"kind"`
	After bool   `cel:"after"`
	N     int64  `cel:"n"`
}

// values is what the tests' expressions read.
type values map[string]any

func (v values) Value(name string) any { return v[name] }

func testEnv(t interface {
	Helper()
	Fatal(args ...any)
},
) *Env {
	t.Helper()
	env, err := NewEnv(Text("status"), Int("attempt"), Records[check]("evidence", "evidence"), Pairs("labels"))
	if err != nil {
		t.Fatal(err)
	}
	return env
}

var sample = values{
	"status":   "deployed",
	"attempt":  int64(2),
	"evidence": []check{{"tests", true, 1}, {"health", false, 2}},
	"labels":   []Pair{{"risk", "high"}, {"team", "pay"}},
}

func TestHolds(t *testing.T) {
	env := testEnv(t)
	for source, want := range map[string]bool{
		`status == "deployed"`: true,
		`attempt > 2`:          false,
		`attempt % 2 == 0 && !(status in ["planned", "queued"])`:                   true,
		`evidence.exists(e, e.kind == "tests" && e.after)`:                         true,
		`evidence.all(e, e.after)`:                                                 false,
		`evidence.exists_one(e, e.n == 2)`:                                         true,
		`evidence.filter(e, e.after).map(e, e.kind) == ["tests"]`:                  true,
		`labels.exists(l, l.key == "risk" && l.value == "high")`:                   true,
		`size(labels) == 2 && labels[0].key == "risk"`:                             true,
		`status.startsWith("de") && status.endsWith("ed") && status.contains("p")`: true,
		`status.matches("^de.*ed$") && string(attempt) == "2" && int("3") == 3`:    true,
	} {
		p, err := env.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if got, err := p.Holds(sample); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", source, got, err, want)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	env := testEnv(t)
	for _, tc := range []struct{ name, source, want string }{
		{"syntax, with its place", "status ==\n  && true", "2:3: Syntax error"},
		{"an unknown variable", `status == "a" && state == "b"`, "1:18: undeclared reference to 'state'"},
		{"an unknown field", `evidence.exists(e, e.knd == "a")`, "undefined field 'knd'"},
		{"two types", `attempt == "2"`, "1:9: found no matching overload"},
		{"no condition", `status`, "1:1: the expression gives a string, wanted a bool"},
		{"a map", `{"a": 1, "b": 2}.exists(k, k == "a")`, "1:1: there are no maps here"},
		{"a map within", `evidence.exists(e, size({"a": e.kind}) == 1)`, "there are no maps here"},
		{"a clock's type", `timestamp("2026-01-01T00:00:00Z").getHours("Europe/Berlin") == 1`, "getHours is not available"},
		{"a type that hides", `dyn(status) == 1`, "dyn is not available"},
		{"a record", `pair{key: "a"}.key == "a"`, "no record can be made"},
		{"no such function", `now() == 1`, "undeclared reference to 'now'"},
		{"too long", strings.Repeat(" ", MaxSource) + "true", "the limit is 4096"},
		{"too deep", strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200), "recursion"},
		{"all at once", "state == 1 ||\nstates == 2", "2:1: undeclared reference to 'states'"},
	} {
		_, err := env.Compile(tc.source)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
		if _, ok := err.(Faults); !ok {
			t.Errorf("%s: the error is a %T", tc.name, err)
		}
	}
}

func TestEvaluationFails(t *testing.T) {
	env := testEnv(t)
	costly := "evidence.all(a, evidence.all(b, evidence.all(c, evidence.all(d, a.n + b.n + c.n + d.n >= 0))))"
	many := make([]check, 32)
	for _, tc := range []struct {
		source string
		vars   Vars
		want   string
	}{
		{`labels[7].key == "a"`, sample, "index out of bounds: 7"},
		{`1 / (attempt - 2) == 1`, sample, "division by zero"},
		{`int(status) == 1`, sample, "type conversion error"},
		{`status == "a"`, values{}, "no such attribute"},
		{costly, values{"evidence": many}, "cost limit exceeded"},
	} {
		p, err := env.Compile(tc.source)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Holds(tc.vars); got || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, %v, want an error with %q", tc.source, got, err, tc.want)
		}
	}
}

func TestReads(t *testing.T) {
	p, err := testEnv(t).Compile(`evidence.exists(e, e.kind == status && evidence.all(x, x.n > 1))`)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Reads(); !slices.Equal(got, []string{"evidence", "status"}) {
		t.Errorf("reads %v", got)
	}
}

func TestEnvRefuses(t *testing.T) {
	if _, err := NewEnv(Text("a"), Int("a")); err == nil {
		t.Error("a variable was declared twice")
	}
}

// A thousand evaluations agree, failures included, by one program and by
// another compiled from the same text.
func TestEvaluationsAgree(t *testing.T) {
	env := testEnv(t)
	rapid.Check(t, func(t *rapid.T) {
		atom := rapid.SampledFrom([]string{
			`status == "deployed"`, `attempt / (attempt - 2) > 0`, `labels[2].key == "a"`, `labels.exists(l, l.value == status)`,
			`evidence.all(e, e.after || e.n > attempt)`, `evidence.exists(e, labels.exists(l, l.key == e.kind))`, `size(evidence) > 1`,
		})
		op := rapid.SampledFrom([]string{" && ", " || ", " == ", " != "})
		source := "(" + atom.Draw(t, "a") + ")" + op.Draw(t, "op") + "(" + atom.Draw(t, "b") + ")"
		vars := values{
			"status":  rapid.SampledFrom([]string{"deployed", "failed"}).Draw(t, "status"),
			"attempt": rapid.Int64Range(0, 3).Draw(t, "attempt"),
			"evidence": rapid.SliceOfN(rapid.Custom(func(t *rapid.T) check {
				return check{rapid.SampledFrom([]string{"tests", "risk"}).Draw(t, "kind"), rapid.Bool().Draw(t, "after"), rapid.Int64Range(0, 3).Draw(t, "n")}
			}), 0, 3).Draw(t, "evidence"),
			"labels": []Pair{{"risk", "high"}, {"team", "deployed"}},
		}
		run := func(p *Program) string {
			holds, err := p.Holds(vars)
			return fmt.Sprint(holds, err)
		}
		first, err := env.Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		again, err := testEnv(t).Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		want := run(first)
		for range 10 {
			if got := run(first); got != want {
				t.Fatalf("%s: %s, then %s", source, want, got)
			}
		}
		if got := run(again); got != want {
			t.Fatalf("%s: %s, compiled again %s", source, want, got)
		}
	})
	p, err := env.Compile(`evidence.exists(e, e.kind == "tests" && e.after) && !labels.exists(l, l.value == "low")`)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if holds, err := p.Holds(sample); err != nil || !holds {
			t.Fatalf("evaluation %d: %v, %v", i, holds, err)
		}
	}
}

func BenchmarkHolds(b *testing.B) {
	p, err := testEnv(b).Compile(`evidence.exists(e, e.after && e.kind == "tests") && !evidence.exists(e, e.n == 7)`)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Holds(sample); err != nil {
			b.Fatal(err)
		}
	}
}
