package events_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
)

func TestDeploymentID(t *testing.T) {
	const commit = "0123456789ABCDEF0123456789abcdef01234567"
	full := events.Names{Deployment: "d1", Version: "2.14.0", Images: []string{"registry:5000/org/app:v3@sha256:aa"}, Commit: commit, Run: "77"}
	without := func(change func(*events.Names)) events.Names {
		n := full
		change(&n)
		return n
	}
	for name, tc := range map[string]struct {
		names events.Names
		want  string
	}{
		"given":               {full, "d1"},
		"version":             {without(func(n *events.Names) { n.Deployment = "" }), "2.14.0"},
		"the one image's tag": {without(func(n *events.Names) { n.Deployment, n.Version = "", "" }), "v3"},
		"two images have none": {without(func(n *events.Names) {
			n.Deployment, n.Version, n.Images = "", "", []string{"a:1", "b:2"}
		}), "git-0123456789ab"},
		"a port is no tag": {without(func(n *events.Names) {
			n.Deployment, n.Version, n.Images = "", "", []string{"registry:5000/org/app"}
		}), "git-0123456789ab"},
		"a digest is no tag": {without(func(n *events.Names) {
			n.Deployment, n.Version, n.Images = "", "", []string{"app@sha256:aa"}
		}), "git-0123456789ab"},
		"a short commit is none": {events.Names{Commit: "0123456789a", Run: "77"}, "run-77"},
		"a branch is no commit":  {events.Names{Commit: "main-is-not-a-commit", Run: "77"}, "run-77"},
		"nothing":                {events.Names{Images: []string{"a", "b"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := events.DeploymentID(tc.names); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestSlug(t *testing.T) {
	long := strings.Repeat("Ab", 40)
	for in, want := range map[string]string{
		"checkout": "checkout", "Check Out": "check-out", "a//b..c": "a-b-c", "-a-": "a", "_a_": "a_", "a_b": "a_b", "é": "", "": "", "日本 1": "1",
		long:        strings.ToLower(long)[:54] + "-",
		long + "\n": strings.ToLower(long)[:54] + "-",
	} {
		got := events.Slug(in)
		if len(in) > 63 {
			if len(got) != 63 || got[:55] != want[:55] {
				t.Errorf("%q: got %q, want %q and 8 hex digits", in, got, want[:55])
			}
		} else if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if events.Slug(long) == events.Slug(long+"\n") {
		t.Error("two long names have the same slug")
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "name")
		slug := events.Slug(s)
		if slug == "" {
			return
		}
		if err := events.CheckName("slug", slug); err != nil {
			t.Fatalf("%q became %q: %v", s, slug, err)
		}
		if again := events.Slug(slug); again != slug {
			t.Fatalf("%q became %q, and then %q", s, slug, again)
		}
	})
}
