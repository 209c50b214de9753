package projector

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// activate activates the standard lifecycle as version v2, with a skew of two
// hours, from the first second on.
func activate(t testing.TB, n int, document string) said {
	t.Helper()
	e := &events.Event{
		ID: fmt.Sprintf("activate-%d", n), Source: "/config", Type: events.TypeDefinitionActivated, Subject: "standard",
		RecordedTime: epoch.Add(25 * 3600e9), Recorder: "r1", Emitter: "local",
	}
	e.SetTime(epoch.Add(24 * 3600e9))
	e.SetData(&events.DefinitionActivated{
		Kind: kindLifecycle, Name: "standard", Version: "v2", Digest: "sha256:00", EffectiveFrom: epoch,
		Envs: []string{"prod"}, Actor: "user:1", Document: document,
	})
	return stored(t, e)
}

func patient(t testing.TB) string {
	t.Helper()
	doc := string(statemachine.StandardDocument())
	out := strings.Replace(doc, "skew: 60s", "skew: 2h", 1)
	if out == doc {
		t.Fatal("the standard document has no skew of 60 s to change")
	}
	return out
}

// retried is a deployment that fails and is tried again an hour later by
// somebody else: a new attempt, unless skew is longer.
func retried(t testing.TB, n int, key string) []said {
	return []said{
		word(t, n, "/ci", key, "in_progress", 10), word(t, n+1, "/ci", key, "failed", 300),
		word(t, n+2, "/cli", key, "in_progress", 3600), word(t, n+3, "/cli", key, "deployed", 3700),
	}
}

func TestActivationRefoldsWhatFollowsIt(t *testing.T) {
	const prod, stage = "prod/eu/web/1.0", "stage/eu/web/1.0"
	before := append(retried(t, 1, prod), retried(t, 11, stage)...)
	definition := activate(t, 1, patient(t))
	after, told := folded(t, append(append([]said(nil), before...), definition), 100)
	first, _ := folded(t, append([]said{definition}, before...), 3)
	if got, want := digestOf(t, after), digestOf(t, first); got.Digest != want.Digest {
		t.Errorf("the digest depends on when the definition came: %s and %s", got.Digest, want.Digest)
	}
	var redefined []view.Change
	for _, o := range told {
		for _, c := range o.changes {
			if c.Reason == view.ReasonRedefined {
				redefined = append(redefined, c)
			}
		}
	}
	if len(redefined) != 1 || redefined[0].Key != prod || redefined[0].Attempt != 1 || redefined[0].ID.Seq != 9 {
		t.Errorf("redefined = %+v, want %s at attempt 1, caused by message 9", redefined, prod)
	}
}

// TestActivationInParts: a run that is killed between two parts of an
// activation goes on where it was, and tells each deployment once.
func TestActivationInParts(t *testing.T) {
	c := testkit.NATS(t)
	dir := t.TempDir()
	var words []said
	const deployments = maxRedefined + 50
	for i := range deployments {
		words = append(words, retried(t, 4*i, fmt.Sprintf("prod/eu/web/1.%d", i))...)
	}
	words = append(words, activate(t, 1, patient(t)))
	publish(t, c, words)
	for part := uint32(1); part <= 2; part++ {
		if err := run(t, c, dir, nil, killedIn(part)); !errors.Is(err, errKilled) {
			t.Fatalf("the run ended with %v, not in part %d", err, part)
		}
	}
	if err := run(t, c, dir, nil); err != nil {
		t.Fatal(err)
	}
	checkRedefinedOnce(t, changesOf(t, c), deployments)
}

// killedIn ends a run once a part of a message is in the store.
func killedIn(part uint32) func(*store.DB, string) error {
	return func(db *store.DB, point string) error {
		if point != pointCommitted {
			return nil
		}
		killed := false
		err := db.View(func(r *store.Reader) error {
			p, err := r.Position()
			killed = p.Part == part
			return err
		})
		if killed {
			return errKilled
		}
		return err
	}
}

// checkRedefinedOnce wants so many deployments to be told to follow another
// definition, each once.
func checkRedefinedOnce(t *testing.T, changes []view.Change, deployments int) {
	t.Helper()
	told := map[string]int{}
	for _, change := range changes {
		if change.Reason == view.ReasonRedefined {
			told[change.Key]++
		}
	}
	if len(told) != deployments {
		t.Errorf("%d deployments are redefined, want %d", len(told), deployments)
	}
	for key, n := range told {
		if n != 1 {
			t.Errorf("%s was told %d times", key, n)
		}
	}
}

func TestBadDefinitionIsPutAside(t *testing.T) {
	m := decodeAll(toMsgs([]said{activate(t, 1, "states: [")}))[0]
	if m.kind != kindUnusable || events.CodeOf(m.fault) != events.CodeSchema {
		t.Errorf("kind %d, fault %v, want unusable with E_SCHEMA", m.kind, m.fault)
	}
}
