package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// always lets all deployments follow the standard lifecycle.
func always(string, int64) *statemachine.Lifecycle { return statemachine.Standard() }

// story fills a store with what releases are made of.
type story struct {
	t   *testing.T
	db  *DB
	seq uint64
}

func newStory(t *testing.T) *story { return &story{t: t, db: openT(t, t.TempDir(), small)} }

// word makes a report of a status and a release at τ.
func (s *story) word(tau int64, status, release string) statemachine.Word {
	s.seq++
	id := fmt.Sprint("e", s.seq)
	return statemachine.Word{
		Mark: events.Mark{Tau: tau, Source: "/ci", ID: id}, Kind: statemachine.KindReported,
		Status: status, Release: release, Version: "1", Percent: -1, Recorded: tau, Stream: s.seq, Hash: id,
	}
}

// tell stores a deployment with its words, and that it was named in a release.
func (s *story) tell(name, named string, words ...statemachine.Word) {
	s.t.Helper()
	key, err := events.ParseKey(name)
	if err != nil {
		s.t.Fatal(err)
	}
	state, steps := statemachine.Standard().Fold(key, words)
	update(s.t, s.db, func(w *Writer) error {
		var last Ref
		for i := range words {
			if last, err = w.PutEvent(&Event{Seq: words[i].Stream, Subject: name, Before: last, Word: &words[i]}); err != nil {
				return err
			}
		}
		for i := range steps {
			if steps[i].Slot != nil {
				err = errors.Join(err, w.PutSlotWord(key.Slot.String(), steps[i].Slot))
			}
		}
		if named != "" {
			err = errors.Join(err, w.PutMember(events.Release{Env: key.Env, Name: named}, key, state.FirstTau))
		}
		return errors.Join(err, w.PutSlot(key.Slot.String(), &view.Slot{Latest: view.Latest{Deployment: key.Deployment}}),
			w.PutDeployment(name, &Deployment{State: state, Words: last, Moved: s.seq}))
	})
}

// declare stores a plan, or with nil a freeze, as said of a subject.
func (s *story) declare(subject string, members []events.Member) {
	s.t.Helper()
	s.seq++
	id := fmt.Sprint("e", s.seq)
	e := &events.Event{Type: events.TypeFreezeDeclared}
	var data any = events.Freeze{Name: "f"}
	if members != nil {
		e.Type, data = events.TypeReleaseDeclared, events.ReleaseDeclared{Members: members}
	}
	if err := e.SetData(data); err != nil {
		s.t.Fatal(err)
	}
	env, _, _ := strings.Cut(subject, "/")
	update(s.t, s.db, func(w *Writer) error {
		ref, err := w.PutEvent(&Event{Seq: s.seq, Subject: subject, Note: &Note{Type: e.Type, Source: "/p", ID: id, Hash: id, Tau: int64(s.seq), Data: e.Data}})
		return errors.Join(err, w.PutIdentity(HashIdentity("/p", id), Identity{ref}), w.PutSaid(env, subject, s.seq, ref))
	})
}

// read returns the members of a release, each with its status.
func (s *story) read(release string) (members []string, r view.Release, err error) {
	s.t.Helper()
	key, err := events.ParseRelease(release)
	if err != nil {
		s.t.Fatal(err)
	}
	err = s.db.View(func(rd *Reader) error {
		r, err = NewReleases(rd, always).Read(key)
		return err
	})
	for i := range r.Members {
		members = append(members, r.Members[i].Key()+":"+r.Members[i].Status())
	}
	return members, r, err
}

func TestReleases(t *testing.T) {
	s := newStory(t)
	s.tell("prod/eu/web/1", "r1", s.word(10, "in_progress", "r1"), s.word(20, "deployed", ""))
	s.tell("prod/us/web/0", "", s.word(5, "deployed", ""))  // ran before the release
	s.tell("prod/ap/web/2", "", s.word(15, "deployed", "")) // began to run after it had begun
	s.tell("prod/us/db/0", "", s.word(5, "deployed", ""))   // of another component
	s.tell("stage/us/web/0", "", s.word(5, "deployed", ""))
	s.tell("prod/eu/web/9", "r1", s.word(30, "failed", "r2")) // no word of r1 counts any more
	s.tell("prod/eu/job/1", "r1", s.word(12, "planned", "r1"), s.word(13, "planned", "r2"))
	want := []string{"prod/eu/job/1:planned", "prod/eu/web/1:deployed", "prod/us/web:not_seen"}
	got, r, err := s.read("prod/r1")
	if err != nil || !slices.Equal(got, want) || r.Revision != 9 {
		t.Errorf("without a plan: %v at %d, %v, want %v", got, r.Revision, err, want)
	}
	if _, _, err := s.read("prod/r3"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody spoke of it: %v", err)
	}

	s.declare("prod/r1", []events.Member{
		{Region: "us", Component: "db", Deployment: "0"}, {Region: "eu", Component: "web"}, {Region: "eu", Component: "new", DependsOn: []string{"db"}},
	})
	want = []string{"prod/us/db/0:deployed", "prod/eu/web/1:deployed", "prod/eu/new:not_seen"}
	if got, r, err = s.read("prod/r1"); err != nil || !slices.Equal(got, want) || r.Plan == nil || r.Refused != nil || r.Revision != s.seq {
		t.Errorf("with a plan: %v at %d, %v, want %v", got, r.Revision, err, want)
	}
	// A plan that another release's makes a cycle of is refused, and the one before stays.
	s.declare("prod/r4", []events.Member{{Region: "eu", Component: "a", Deployment: "1", DependsOn: []string{"b"}}, {Region: "eu", Component: "b", Deployment: "1"}})
	s.declare("prod/r1", []events.Member{{Region: "eu", Component: "b", Deployment: "1", DependsOn: []string{"a"}}, {Region: "eu", Component: "a", Deployment: "1"}})
	if got, r, err = s.read("prod/r1"); err != nil || !slices.Equal(got, want) || r.Refused == nil {
		t.Errorf("with a refused plan: %v, %v", got, err)
	}
	if got, r, err = s.read("prod/r4"); err != nil || len(got) != 2 || r.Refused != nil {
		t.Errorf("a plan nobody followed yet: %v, %v", got, err)
	}
}

// Releases that were only named and only spoken of come in one order, and each
// can be the one to go on behind.
func TestReleasesAreListed(t *testing.T) {
	s := newStory(t)
	for i, named := range []string{"b", "d", "d-1", "d.2"} {
		s.tell(fmt.Sprintf("prod/eu/app/%d", i), named, s.word(1, "planned", named))
	}
	s.tell("prod-2/eu/app/1", "x", s.word(1, "planned", "x"))
	for _, said := range []string{"prod/a", "prod/d", "prod/d.1", "prod-2/y", "stage/z"} {
		s.declare(said, []events.Member{{Region: "eu", Component: "app"}})
	}
	s.declare("prod", nil) // a freeze is no release
	all := []string{"prod-2/x", "prod-2/y", "prod/a", "prod/b", "prod/d", "prod/d-1", "prod/d.1", "prod/d.2", "stage/z"}
	list := func(env, after string, most int) (out []string) {
		t.Helper()
		viewing(t, s.db, func(r *Reader) error {
			return r.Releases(env, after, func(key events.Release) (bool, error) {
				out = append(out, key.String())
				return len(out) < most, nil
			})
		})
		return out
	}
	if got := list("", "", 100); !slices.Equal(got, all) {
		t.Errorf("all: %v, want %v", got, all)
	}
	for i, name := range all {
		if got := list("", name, 100); !slices.Equal(got, all[i+1:]) {
			t.Errorf("behind %s: %v, want %v", name, got, all[i+1:])
		}
	}
	for env, want := range map[string][]string{"prod": all[2:8], "prod-2": all[:2], "stage": all[8:], "pro": nil} {
		if got := list(env, "", 100); !slices.Equal(got, want) {
			t.Errorf("of %s: %v, want %v", env, got, want)
		}
	}
	if got := list("prod", "prod/d", 2); !slices.Equal(got, all[5:7]) {
		t.Errorf("two behind prod/d: %v", got)
	}
}
