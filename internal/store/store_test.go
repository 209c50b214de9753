package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

var small = Options{CacheBytes: 8 << 20, KeepFree: -1}

func openT(t *testing.T, dir string, opt Options) *DB {
	t.Helper()
	db, err := Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func update(t *testing.T, db *DB, fn func(*Writer) error) {
	t.Helper()
	if err := db.Update(fn); err != nil {
		t.Fatal(err)
	}
}

func viewing(t *testing.T, db *DB, fn func(*Reader) error) {
	t.Helper()
	if err := db.View(fn); err != nil {
		t.Fatal(err)
	}
}

// TestRowsAreReadAsWritten writes one row of each kind and reads it back.
func TestRowsAreReadAsWritten(t *testing.T) {
	db := openT(t, t.TempDir(), small)
	slot := events.Slot{Env: "prod", Region: "eu", Component: "web"}
	key := events.Key{Slot: slot, Deployment: "1.0"}
	name := key.String()
	release := events.Release{Env: "prod", Name: "r1"}
	word := statemachine.Word{
		Mark: events.Mark{Tau: 5e9, Source: "/ci", Sequence: "7", ID: "a"}, Kind: statemachine.KindReported,
		Status: "deployed", Version: "1.0", Percent: -1, Recorded: 6e9, Stream: 3, Hash: "h",
	}
	state, steps := statemachine.Standard().Fold(events.Key{Deployment: "1.0"}, []statemachine.Word{word})
	first := view.Change{
		ID: events.ChangeID{Incarnation: "abc", Seq: 3}, Key: name, From: "unknown",
		Facts: view.Facts{Status: "deployed", Attempt: 1, Conditions: []string{"x"}, Percent: 12.5, Version: "1.0"},
		At:    5e9, Recorded: 6e9, Cause: view.Cause{Source: "/ci", ID: "a"}, Digest: state.Digest(),
	}
	second := first
	second.ID, second.Before = events.ChangeID{Incarnation: "abc", Seq: 300, Index: 1}, first.ID
	second.Late, second.Amends, second.Marks = true, first.ID, []string{"m"}
	of := view.Change{ID: events.ChangeID{Incarnation: "abc", Seq: 300, Index: 2}, Key: slot.String(), Raw: []byte(`{}`), At: 7e9, Facts: view.Facts{Percent: -1}}
	position := Position{Incarnation: "abc", Seq: 3, Part: 1, Resume: name, Index: 9}
	note := Event{Seq: 4, Subject: "prod", Note: &Note{Type: events.TypeFreezeLifted, Source: "s", ID: "i", Hash: "h", Emitter: "e", Tau: -1, Recorded: 2, Data: jsontext.Value(`{"name":"x"}`)}}
	shown := state.Bare()
	shown.Status, shown.Reason, shown.By = "superseded", "newer_start", "2.0"
	deployment := &Deployment{State: state, Last: second.ID, Moved: 2, Shown: &shown, Check: 11, Owner: "team", Also: []string{"r0"}}
	follow := Event{Seq: 5, Subject: slot.String() + "/_", Word: &word}
	row := view.Slot{
		Current:  view.Landing{Deployment: "1.0", Version: "1.0", Attempt: 1, Tau: 5e9, Source: "/ci", Class: view.ClassRollback, Restored: true},
		Landings: 4, Latest: LatestOf("1.0", deployment), Revision: 3, Follows: true,
	}
	tick := Tick{Recorder: "r", Regions: []string{"eu", "us"}, At: 9e9, Seq: 5, Closing: true, Ahead: true}
	def := Definition{Kind: "Lifecycle", Name: "n", Version: "v", Digest: "d", Source: "s", ID: "i", From: 1, Tau: 2, Envs: []string{"prod"}, Seq: 6, Document: "doc"}

	said := Event{Seq: 3, Subject: name, Word: &word}
	var ref, noted, followed Ref
	update(t, db, func(w *Writer) error {
		var faults [3]error
		ref, faults[0] = w.PutEvent(&said)
		noted, faults[1] = w.PutEvent(&note)
		followed, faults[2] = w.PutEvent(&follow)
		deployment.Words = ref
		return errors.Join(errors.Join(faults[:]...),
			w.SetPosition(position), w.SetPublished(first.ID), w.SetForgiven("old"), w.SetCounts(Counts{"deployed": 1}),
			w.PutDeployment(name, deployment),
			w.PutSaid("prod", "prod", 4, noted), w.PutAbout(follow.Subject, 5, followed),
			w.PutIdentity(HashIdentity("/ci", "a"), Identity{followed, ref}), w.PutIdentity(HashIdentity("s", "i"), Identity{noted}),
			w.PutSlot(slot.String(), &row),
			w.PutSlotWord(slot.String(), steps[0].Slot), w.PutMember(release, key, 0),
			w.PutChange(&first), w.PutChange(&second), w.PutChange(&of), w.PutDirty(3, slot.String()), w.PutTick(&tick), w.PutDefinition(&def),
		)
	})
	viewing(t, db, func(r *Reader) error {
		check := func(what string, got any, err error, want any) {
			t.Helper()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s = %+v, %v\nwant %+v", what, got, err, want)
			}
		}
		p, err := r.Position()
		check("position", p, err, position)
		id, err := r.Published()
		check("published", id, err, first.ID)
		forgiven, err := r.Forgiven()
		check("forgiven", forgiven, err, "old")
		counts, err := r.Counts()
		check("counts", counts, err, Counts{"deployed": 1})
		d, err := r.Deployment(key)
		check("deployment", d, err, deployment)
		heads := map[string]*statemachine.Head{}
		err = r.Heads(slot.String()+"/", func(key string, h *statemachine.Head) error {
			heads[key] = h
			return nil
		})
		check("heads", heads, err, map[string]*statemachine.Head{name: state.Head()})
		words, err := r.Words(name)
		check("words that count", words, err, []statemachine.Word{word})
		for at, want := range map[Ref]Event{ref: said, noted: note, followed: follow} {
			e, err := r.Event(at)
			check("event", e, err, want)
		}
		followers, err := r.Followers(slot)
		check("followers", followers, err, []Follower{{Event: follow, Ref: followed, Twins: 1}})
		of2, err := SaidIn(r, r, "prod")
		check("said of the environment", of2, err, []Said{{note, noted}})
		lifted, ok, err := of2[0].FreezeWord()
		check("a freeze", lifted, err, view.FreezeWord{Tau: -1, Source: "s", ID: "i", Lifted: true, Freeze: events.Freeze{Name: "x"}})
		if !ok {
			t.Error("a freeze is none")
		}
		envs, err := r.Environments()
		check("environments", envs, err, []string{"prod"})
		heard, err := r.Identity(HashIdentity("/ci", "a"))
		check("identity", heard, err, Identity{followed, ref})
		s, err := r.Slot(slot)
		check("slot", s, err, row)
		slotWords, err := r.SlotWords(slot.String())
		check("slot words", slotWords, err, []statemachine.SlotWord{*steps[0].Slot})
		members, err := r.ReleaseMembers(release)
		check("members", members, err, []string{name})
		ticks, err := r.Ticks()
		check("ticks", ticks, err, []Tick{tick})
		defs, err := r.Definitions("Lifecycle")
		check("definitions", defs, err, []Definition{def})
		for after, want := range map[events.ChangeID][]view.Change{{}: {first, second}, first.ID: {second}, second.ID: nil} {
			var all, own []view.Change
			want, others := want, []view.Change{of}
			err := r.Changes(after, func(c view.Change) (bool, error) { all = append(all, c); return true, nil })
			check("changes", all, err, append(slices.Clip(want), others...))
			err = r.ChangesOf(name, after, func(c view.Change) (bool, error) { own = append(own, c); return true, nil })
			check("changes of the deployment", own, err, want)
		}
		var known []IdentityHash
		err = r.Known(func(h IdentityHash) { known = append(known, h) })
		check("known", len(known), err, 2)
		for _, h := range []IdentityHash{HashIdentity("/ci", "a"), HashIdentity("s", "i")} {
			check("known", slices.Contains(known, h), nil, true)
		}
		if _, err := r.Deployment(events.Key{Slot: slot, Deployment: "2.0"}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a deployment that is not there: %v, want ErrNotFound", err)
		}
		return nil
	})
}

// TestDamagedRowsAreRefused cuts and flips every row's bytes: an error or a row,
// never a panic or a large allocation.
func TestDamagedRowsAreRefused(t *testing.T) {
	state, _ := statemachine.Standard().Fold(events.Key{Deployment: "1"}, nil)
	rows := map[string][]byte{
		"deployment": (&Deployment{State: state}).append(nil),
		"identity":   Identity{1<<40 | 3}.append(nil),
		"note":       (&Event{Seq: 1, Note: &Note{Type: "t"}}).append(nil),
		"slot":       appendSlot(nil, &view.Slot{Landings: 3}),
		"change":     appendChange(nil, &view.Change{Key: "k", Marks: []string{"m"}}, beforeFirst(events.ChangeID{})),
		"tick":       (&Tick{Regions: []string{"eu"}}).append(nil),
	}
	decode := map[string]func([]byte) error{
		"deployment": func(b []byte) error { _, err := decodeDeployment(b); return err },
		"identity":   func(b []byte) error { _, err := decodeIdentity(b); return err },
		"note":       func(b []byte) error { _, err := decodeEvent(b); return err },
		"slot":       func(b []byte) error { _, err := decodeSlot(b); return err },
		"change":     func(b []byte) error { _, err := decodeChange(b, beforeFirst(events.ChangeID{})); return err },
		"tick":       func(b []byte) error { _, err := decodeTick("r", b); return err },
	}
	for name, row := range rows {
		if err := decode[name](row); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for n := range row {
			if decode[name](row[:n]) == nil {
				t.Errorf("%s of %d bytes is read from its first %d", name, len(row), n)
			}
			flipped := bytes.Clone(row)
			flipped[n] ^= 0xff
			if err := decode[name](flipped); err != nil && !errors.Is(err, ErrCodec) && !errors.Is(err, statemachine.ErrCodec) {
				t.Errorf("%s with byte %d flipped: %v, want ErrCodec", name, n, err)
			}
		}
	}
}

// TestPagesAreOneSequence writes more events and changes than a page holds, in
// several transactions, and finds each one.
func TestPagesAreOneSequence(t *testing.T) {
	db := openT(t, t.TempDir(), small)
	const all, each = 5*pageEntries + 7, 3*pageEntries + 1
	var refs []Ref
	var changes []view.Change
	for from := 1; from <= all; from += each {
		update(t, db, func(w *Writer) error {
			for seq := from; seq < min(from+each, all+1); seq++ {
				e := Event{Seq: uint64(seq), Note: &Note{ID: strings.Repeat("x", seq)}}
				ref, err := w.PutEvent(&e)
				if err != nil {
					return err
				}
				refs = append(refs, ref)
				c := view.Change{
					ID: events.ChangeID{Incarnation: "abc", Seq: uint64(seq) / 2, Index: uint32(seq) % 2}, Key: "prod/eu/web/1",
					Facts: view.Facts{Status: []string{"planned", "planned", "deployed"}[seq%3], Percent: float64(seq%3) - 1},
					At:    int64(seq%5) * 1e9, Recorded: int64(seq),
				}
				if len(changes) > 0 {
					c.Before = changes[len(changes)-1].ID
				}
				if err := w.PutChange(&c); err != nil {
					return err
				}
				changes = append(changes, c)
			}
			return w.PutDeployment("prod/eu/web/1", &Deployment{State: statemachine.NewState(), Last: changes[len(changes)-1].ID})
		})
	}
	if !slices.IsSorted(refs) {
		t.Error("a later event has a lesser ref")
	}
	viewing(t, db, func(r *Reader) error {
		for i, ref := range refs {
			if e, err := r.Event(ref); err != nil || e.Seq != uint64(i+1) || len(e.Note.ID) != i+1 {
				t.Errorf("event %d = %+v, %v", i+1, e, err)
			}
			if c, err := r.Change(changes[i].ID); err != nil || !reflect.DeepEqual(c, changes[i]) {
				t.Errorf("change %s = %+v, %v\nwant %+v", changes[i].ID, c, err, changes[i])
			}
			var behind, own []view.Change
			collect := func(to *[]view.Change) func(view.Change) (bool, error) {
				return func(c view.Change) (bool, error) { *to = append(*to, c); return len(*to) < 3, nil }
			}
			err := errors.Join(r.Changes(changes[i].ID, collect(&behind)), r.ChangesOf("prod/eu/web/1", changes[i].ID, collect(&own)))
			want := changes[i+1 : min(i+4, len(changes))]
			if err != nil || len(behind) != len(want) || len(want) > 0 && (!reflect.DeepEqual(behind, want) || !reflect.DeepEqual(own, want)) {
				t.Errorf("behind %s: %v, of its deployment: %v, %v", changes[i].ID, behind, own, err)
			}
		}
		for _, id := range []events.ChangeID{{Incarnation: "abc", Seq: 1 << 40}, {Incarnation: "abb", Seq: 3}, {Incarnation: "abc"}} {
			if _, err := r.Change(id); !errors.Is(err, ErrNotFound) {
				t.Errorf("change %s, which is not there: %v, want ErrNotFound", id, err)
			}
		}
		return nil
	})
}

func TestPrefixIsAFilterAndKeysAreInOrder(t *testing.T) {
	db := openT(t, t.TempDir(), small)
	names := []string{"prod/eu/web/1.0", "prod/eu/web/1.1", "prod/eu/web-api/1.0", "prod/us/web/1.0", "stage/eu/web/1.0"}
	update(t, db, func(w *Writer) error {
		for _, n := range names {
			if err := w.PutDeployment(n, &Deployment{State: statemachine.NewState()}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tt := range []struct{ prefix, after, want string }{
		{"", "", "prod/eu/web-api/1.0 prod/eu/web/1.0 prod/eu/web/1.1 prod/us/web/1.0 stage/eu/web/1.0"},
		{"prod/eu/web/", "", "prod/eu/web/1.0 prod/eu/web/1.1"},
		{"prod/", "prod/eu/web/1.0", "prod/eu/web/1.1 prod/us/web/1.0"},
		{"prod/eu/", "prod/us/web/1.0", ""},
	} {
		var got []string
		viewing(t, db, func(r *Reader) error {
			return r.Deployments(tt.prefix, tt.after, func(key string, _ *Deployment) (bool, error) {
				got = append(got, key)
				return true, nil
			})
		})
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("Deployments(%q, %q) = %s, want %s", tt.prefix, tt.after, s, tt.want)
		}
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	db := openT(t, t.TempDir(), small)
	broken := errors.New("broken")
	err := db.Update(func(w *Writer) error {
		if err := w.SetPosition(Position{Seq: 9}); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	viewing(t, db, func(r *Reader) error {
		p, err := r.Position()
		if p.Seq != 0 {
			t.Errorf("position = %d after an update that failed, want 0", p.Seq)
		}
		return err
	})
}

// TestFullLeavesRoom fills a transaction until it calls itself full; as much
// again as a batch still writes then must fit.
func TestFullLeavesRoom(t *testing.T) {
	db := openT(t, t.TempDir(), small)
	update(t, db, func(w *Writer) error {
		n := 0
		for ; !w.Full(); n++ {
			if err := w.Put(fmt.Appendf(nil, "n%d", n), make([]byte, 300)); err != nil {
				return err
			}
		}
		for range 3500 {
			n++
			if err := w.Put(fmt.Appendf(nil, "n%d", n), make([]byte, 300)); err != nil {
				return fmt.Errorf("row %d behind full: %w", n, err)
			}
		}
		return nil
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	fresh := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), "store")
		db, err := Open(dir, small)
		if err != nil {
			t.Fatal(err)
		}
		update(t, db, func(w *Writer) error { return w.SetPosition(Position{Seq: 1}) })
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	damage := func(pattern string) func(*testing.T) (string, Options) {
		return func(t *testing.T) (string, Options) {
			dir := fresh(t)
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(files) == 0 {
				t.Fatalf("no %s in the store: %v", pattern, err)
			}
			for _, f := range files {
				if err := os.WriteFile(f, bytes.Repeat([]byte("garbage"), 100), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			return dir, small
		}
	}
	for _, tt := range []struct {
		name  string
		setup func(*testing.T) (string, Options)
		want  Kind
	}{
		{"in use", func(t *testing.T) (string, Options) {
			dir := fresh(t)
			openT(t, dir, small)
			return dir, small
		}, KindInUse},
		{"a file in its place", func(t *testing.T) (string, Options) {
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return file, small
		}, KindDamaged},
		{"damaged manifest", damage("MANIFEST"), KindDamaged},
		{"damaged table", damage("*.sst"), KindDamaged},
		{"damaged rows", func(t *testing.T) (string, Options) {
			dir := fresh(t)
			files, err := filepath.Glob(filepath.Join(dir, "*.sst"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no table in the store: %v", err)
			}
			content, err := os.ReadFile(files[0])
			if err != nil {
				t.Fatal(err)
			}
			content[len(content)/8] ^= 1
			if err := os.WriteFile(files[0], content, 0o600); err != nil {
				t.Fatal(err)
			}
			return dir, small
		}, KindDamaged},
		{"another format", func(t *testing.T) (string, Options) {
			dir := fresh(t)
			db, err := Open(dir, small)
			if err != nil {
				t.Fatal(err)
			}
			update(t, db, func(w *Writer) error { return w.Put(keyFormat(), []byte{format + 1}) })
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			return dir, small
		}, KindFormat},
		{"no room on the disk", func(t *testing.T) (string, Options) {
			return filepath.Join(t.TempDir(), "store"), Options{KeepFree: 1 << 62}
		}, KindFull},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, opt := tt.setup(t)
			db, err := Open(dir, opt)
			if err == nil {
				t.Fatal(errors.Join(errors.New("the store opened"), db.Close()))
			}
			var open *OpenError
			if !errors.As(err, &open) || open.Kind != tt.want || open.Hint == "" || open.Dir != dir {
				t.Errorf("Open = %v, want %s with a hint", err, tt.want)
			}
		})
	}
}

// TestOpenPassesOverAPartOfATable: a kill in the middle of a flush leaves one.
func TestOpenPassesOverAPartOfATable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	db, err := Open(dir, small)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "000077.sst"), make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	openT(t, dir, small)
}

// TestSwapIsFinishedByOpen stops the swap behind each of its steps.
func TestSwapIsFinishedByOpen(t *testing.T) {
	put := func(dir string, seq uint64) {
		t.Helper()
		db, err := Open(dir, small)
		if err != nil {
			t.Fatal(err)
		}
		update(t, db, func(w *Writer) error { return w.SetPosition(Position{Seq: seq}) })
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name    string
		renames [][2]string
		want    uint64
	}{
		{"not begun", nil, 1},
		{"decided", [][2]string{{suffixNew, suffixDone}}, 2},
		{"old one moved away", [][2]string{{suffixNew, suffixDone}, {"", suffixOld}}, 2},
		{"done", [][2]string{{suffixNew, suffixDone}, {"", suffixOld}, {suffixDone, ""}}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			put(dir, 1)
			fresh, err := Fresh(dir)
			if err != nil {
				t.Fatal(err)
			}
			put(fresh, 2)
			for _, r := range tt.renames {
				if err := os.Rename(dir+r[0], dir+r[1]); err != nil {
					t.Fatal(err)
				}
			}
			db := openT(t, dir, small)
			viewing(t, db, func(r *Reader) error {
				p, err := r.Position()
				if p.Seq != tt.want {
					t.Errorf("the store of position %d is in place, want %d", p.Seq, tt.want)
				}
				return err
			})
		})
	}
	dir := filepath.Join(t.TempDir(), "store")
	put(dir, 1)
	fresh, err := Fresh(dir)
	if err != nil {
		t.Fatal(err)
	}
	put(fresh, 2)
	if err := Swap(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(dir + ".*"); err != nil || len(left) > 0 {
		t.Errorf("Swap left %v beside the store (%v)", left, err)
	}
}
