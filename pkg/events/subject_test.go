package events_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/pkg/events"
)

var (
	nameOf    = rapid.StringMatching(`[a-z0-9][a-z0-9_-]{0,62}`)
	rolloutOf = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._+-]{0,127}`).
			Filter(func(s string) bool { return !strings.HasPrefix(s, "run.") })
	// hostileText is what somebody would send who wants out of the subject.
	hostileText = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", "_", "*", ">", "a.b", "a b", "$JS.API.STREAM.DELETE", "a\x00b", "a\r\nPUB x 0", "PROD", "-a", "_a", "\u0430pi", "a\u202eb", "a\u200bb",
		"a/b", "../..", strings.Repeat("a", 64), strings.Repeat("a", 200), "run.1", ".a", "+a",
	}))
)

func TestSubjectsAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := events.Place{}
		for _, part := range []*string{&p.Env, &p.Region, &p.Component} {
			if rapid.Bool().Draw(t, "given") {
				*part = nameOf.Draw(t, "part")
			}
		}
		if got, ok := events.ParseEventsSubject(p.EventsSubject()); !ok || got != p {
			t.Fatalf("%q reads back as %+v, %v", p.EventsSubject(), got, ok)
		}
		if got, ok := events.ParseChangesSubject(p.ChangesSubject()); !ok || got != p {
			t.Fatalf("%q reads back as %+v, %v", p.ChangesSubject(), got, ok)
		}
		name := nameOf.Draw(t, "name")
		if got, ok := events.ParseRawSubject(events.RawSubject(name)); !ok || got != name {
			t.Fatalf("%q reads back as %q, %v", events.RawSubject(name), got, ok)
		}
		if got, ok := events.ParseTickSubject(events.TickSubject(name)); !ok || got != name {
			t.Fatalf("%q reads back as %q, %v", events.TickSubject(name), got, ok)
		}
	})
}

// TestNothingGetsIntoSubjects builds every subject from hostile parts: the
// number of tokens stays, and no token is a wildcard or empty.
func TestNothingGetsIntoSubjects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := hostileText.Draw(t, "a"), hostileText.Draw(t, "b"), hostileText.Draw(t, "c")
		p := events.Place{Env: a, Region: b, Component: c}
		for subject, tokens := range map[string]int{
			p.EventsSubject():                           6,
			p.ChangesSubject():                          6,
			events.RawSubject(a):                        4,
			events.TickSubject(a):                       4,
			events.AlertSubject(a, b, c):                6,
			events.QuarantineSubject(a, events.Code(b)): 5,
			events.CurrentKey(events.Slot{Env: a, Region: b, Component: c}): 3,
			strings.TrimSuffix(events.ChangesOf(a), ".>"):                   4,
		} {
			got := strings.Split(subject, ".")
			if len(got) != tokens {
				t.Fatalf("%q has %d tokens, want %d", subject, len(got), tokens)
			}
			for _, token := range got {
				if token == "" || strings.ContainsAny(token, "*> \t\r\n\x00$") {
					t.Fatalf("%q has the token %q", subject, token)
				}
			}
		}
	})
}

func TestForeignSubjects(t *testing.T) {
	for _, s := range []string{
		"", "tt.v1.events", "tt.v1.events.", "tt.v1.events.prod.eu.x.y", "tt.v1.events.prod..x", "tt.v1.events.*.eu.x", "tt.v1.events.prod.eu.>",
		"tt.v1.events.Prod.eu.x", "tt.v1.changes.prod.eu.x", "xtt.v1.events.prod.eu.x", "tt.v1.events.prod.eu.__",
	} {
		if p, ok := events.ParseEventsSubject(s); ok {
			t.Errorf("%q is read as %+v", s, p)
		}
	}
	for _, s := range []string{"tt.v1.raw.", "tt.v1.raw.a.b", "tt.v1.raw.*", "tt.v1.raw._", "tt.v1.ticks.a"} {
		if emitter, ok := events.ParseRawSubject(s); ok {
			t.Errorf("%q is read as the emitter %q", s, emitter)
		}
	}
}

func TestKeysAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := events.Key{
			Slot:       events.Slot{Env: nameOf.Draw(t, "env"), Region: nameOf.Draw(t, "region"), Component: nameOf.Draw(t, "component")},
			Deployment: rapid.OneOf(rolloutOf, rapid.Just(events.Missing)).Draw(t, "deployment"),
		}
		if got, err := events.ParseKey(k.String()); err != nil || got != k || got.IsFollow() != (k.Deployment == "_") {
			t.Fatalf("%q reads back as %+v, %v", k, got, err)
		}
		if got, err := events.ParseSlot(k.Slot.String()); err != nil || got != k.Slot {
			t.Fatalf("%q reads back as %+v, %v", k.Slot, got, err)
		}
		r := events.Release{Env: k.Env, Name: rolloutOf.Draw(t, "release")}
		if got, err := events.ParseRelease(r.String()); err != nil || got != r {
			t.Fatalf("%q reads back as %+v, %v", r, got, err)
		}
	})
}

// TestKeysAreNeverRepaired: what ParseKey takes is what it was given.
func TestKeysAreNeverRepaired(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.OneOf(nameOf, rolloutOf, hostileText), 1, 5).Draw(t, "parts")
		s := strings.Join(parts, "/")
		k, err := events.ParseKey(s)
		if err == nil && k.String() != s {
			t.Fatalf("%q became %q", s, k)
		}
		if err != nil && events.CodeOf(err) != events.CodeBadID {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

func TestParseKeyRefuses(t *testing.T) {
	for _, s := range []string{
		"", "/", "///", "a/b/c", "a/b/c/", "a/b/c/d/e", "/b/c/d", "A/b/c/d", "a/b.c/c/d", "_/b/c/d", "a/_/c/d", "a/b/-c/d", "a/b/c/_d", "a/b/c/.d",
		"a/b/c/__", "a/b/c/run.1", "a/b/c/d e", "a/b/c/d\n", "a/b/c/\u0430pi", "\u0430pi/b/c/d", "a\u202e/b/c/d", "a\u200b/b/c/d", "a\x00/b/c/d",
		strings.Repeat("a", 64) + "/b/c/d", "a/b/c/" + strings.Repeat("d", 129),
	} {
		if k, err := events.ParseKey(s); events.CodeOf(err) != events.CodeBadID {
			t.Errorf("%q: got %+v, %v", s, k, err)
		}
	}
	for _, s := range []string{"a/b/c/run", "a/b/c/Run.1", "a/b/c/run-1", "0/0/0/0", "a/b/c/1.2.3+build_7-x", "a_/b-/c_-/D"} {
		if _, err := events.ParseKey(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}
