package expr

import (
	"errors"
	"strings"
	"testing"
)

const made = `{"a":{"b":"x","n":3,"f":50.0,"t":true,"nul":null},"l":[{"type":"Ready","status":"True"},{"type":"Other"}],"s":["p","q"],"m":"refs/heads/main","j":"{\"a\":{\"b\":[1,2]}}"}`

func scopeOf(t testing.TB, text string) *Scope {
	t.Helper()
	p, err := ReadPayload(text)
	if err != nil {
		t.Fatal(err)
	}
	return &Scope{
		Header:  func(name string) string { return map[string]string{"X-Event": "push"}[name] },
		Query:   func(name string) string { return map[string]string{"env": "prod"}[name] },
		Deploys: func(job string) bool { return job == "deploy" },
		Variable: func(name string) (Value, error) {
			if name == "body" {
				return p.Root(), nil
			}
			return Value{absent{}}, nil
		},
	}
}

func TestFormulas(t *testing.T) {
	env, err := NewFormulas()
	if err != nil {
		t.Fatal(err)
	}
	scope := scopeOf(t, made)
	for source, want := range map[string]string{
		`body.a.b`:               "x",
		`body.a.b.c.d[0]["x y"]`: "",
		`body.a.b == "x"`:        "true",
		`"x" == body.a.b`:        "true",
		`50 == body.a.f && body.a.f < 51 && 49.5 < body.a.f`: "true",
		`body.a.f`:                             "50.0",
		`body.no == "x"`:                       "false",
		`body.no != "x"`:                       "true",
		`body.no == body.no`:                   "false",
		`body.a.nul == body.no`:                "false",
		`present(body.a.nul)`:                  "false",
		`"/github/" + text(body.a.b)`:          "/github/x",
		`body.l[0].type`:                       "Ready",
		`body.l[7].type`:                       "",
		`body.l.exists(e, e.type == "Other")`:  "true",
		`body.no.exists(e, e.type == "Other")`: "false",
		`body.l.filter(e, e.status == "True").map(e, e.type)[0]`:        "Ready",
		`cond(body.l, "Ready").status`:                                  "True",
		`header("x-event") == "push" && query("env") == "prod"`:         "true",
		`deploys(body.a.b) || deploys("deploy")`:                        "true",
		`first([body.no, body.a.nul, body.a.b, "z"])`:                   "x",
		`body.m.startsWith("refs/heads/") ? lastpart(body.m, "/") : ""`: "main",
		`body.no.startsWith("x")`:                                       "false",
		`body.a.t && !body.no`:                                          "true",
		`"p" in body.s && !("p" in body.no) && "b" in body.a`:           "true",
		`body.a.b in ["x", "y"]`:                                        "true",
		`body.no in ["x", "y"]`:                                         "false",
		`size(body.s) == 2 && size(body.no) == 0 && size(body.m) > 3`:   "true",
		`cut("a/b/c", "/")[1]`:                                          "b/c",
		`join(body.s, ",")`:                                             "p,q",
		`body.s == ["p", "q"]`:                                          "true",
		`text(num(body.a.n) * 2.0)`:                                     "6",
		`time("2016-08-12 15:23:28 UTC")`:                               "2016-08-12T15:23:28Z",
		`gitref("https://git.example/org/app.git", "abc")`:              "git:org/app@abc",
		`gitref(body.no, "abc") + gitref("org/app", body.no)`:           "",
		`json(body.j).a["b"][1]`:                                        "2",
		`present(json(body.m)) || present(json(body.no))`:               "false",
		`json(body.a).b`:                                                "x",
		`json("{\"a\":1,\"a\":2}").a`:                                   "",
		`time(1471015408000)`:                                           "2016-08-12T15:23:28Z",
	} {
		f, err := env.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		v, err := f.Eval(scope)
		if err != nil || v.Text() != want {
			t.Errorf("%s: %q, %v, want %q", source, v.Text(), err, want)
		}
	}
}

// TestGitRef reduces remotes as package emitcli does, so that what a pipeline
// says of a commit and what a tool says of it are one ref.
func TestGitRef(t *testing.T) {
	for repo, want := range map[string]string{
		"org/app":                               "org/app",
		"org/app.git":                           "org/app",
		"app":                                   "app",
		"https://github.com/org/app.git":        "org/app",
		"https://user:pass@host/group/sub/app/": "group/sub/app",
		"https://host:8443/org/app?x=1":         "org/app",
		"ssh://git@host:2222/org/app.git":       "org/app",
		"git@github.com:org/app.git":            "org/app",
		"host:/srv/git/app.git":                 "srv/git/app",
		"https://user:pa%ss@host/org/app":       "",
		"https://host":                          "",
		"":                                      "",
	} {
		if got := repository(repo); got != want {
			t.Errorf("%s: %q, want %q", repo, got, want)
		}
	}
}

// TestCost: what a loop does is counted by what it looks at, and a request has a
// bound for all that its formulas do.
func TestCost(t *testing.T) {
	env, err := NewFormulas()
	if err != nil {
		t.Fatal(err)
	}
	many := strings.Repeat(`{"type":"a","p":"*a*a*b"},`, 2000)
	text := `{"long":"` + strings.Repeat(`a\n`, 50_000) + `","list":[` + many + `{}],"texts":[` + strings.Repeat(`"a",`, 2000) + `"b"]}`
	for _, source := range []string{
		`body.list.exists(x, x.type in body.texts && x.type == "b")`,
		`body.list.exists(x, cond(body.list, "b").type == x.type)`,
		`body.list.exists(x, join(body.texts, ",") == x.type)`,
		`body.list.exists(x, globmatch(x.p, body.long))`,
		`body.list.exists(x, lower(body.long) == x.type)`,
		`body.list.exists(x, body.list == body.texts || body.texts == x.type || body.long.contains(x.p))`,
		`body.texts.map(x, join(body.texts, x))`,
		`body.list.exists(x, body.list[1999].type == "b")`,
	} {
		f, err := env.Compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if _, err := f.Eval(scopeOf(t, text)); err == nil {
			t.Errorf("%s: costs nothing", source)
		}
	}
	cheap, err := env.Compile(`body.list.filter(x, x.type == "a" && x.p.startsWith("b")).map(x, text(x.p))`)
	if err != nil {
		t.Fatal(err)
	}
	scope := scopeOf(t, text)
	evaluated := 0
	for ; evaluated < 100 && err == nil; evaluated++ {
		_, err = cheap.Eval(scope)
	}
	if evaluated < 4 || !errors.Is(err, errRequestCost) {
		t.Errorf("after %d evaluations: %v", evaluated, err)
	}
	read, err := env.Compile(`json(body.long + "1")`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read.Eval(scope); !errors.Is(err, errRequestCost) {
		t.Errorf("json of a request that has cost enough: %v", err)
	}
	if _, err := env.Compile(`text(body.long).matches(body.p)`); err == nil {
		t.Error("a pattern of the payload is taken")
	}
}

func BenchmarkFormula(b *testing.B) {
	env, err := NewFormulas()
	if err != nil {
		b.Fatal(err)
	}
	scope := scopeOf(b, made)
	for _, source := range []string{`body.a.b`, `text(body.a.b)`, `header("x-event") == "push"`, `"/github/" + text(body.a.b)`, `body.l.exists(e, e.type == "Other")`} {
		f, err := env.Compile(source)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(source, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Eval(scope); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("compile", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := env.Compile(`"/github/" + text(body.a.b)`); err != nil {
				b.Fatal(err)
			}
		}
	})
}
