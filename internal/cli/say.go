package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/emitcli"
	"github.com/telltale-dev/telltale/pkg/events"
)

// speaker is what the verbs share with which people say something. A person
// waits for the answer, so that nothing is kept for later: what the server did
// not take was not said.
type speaker struct {
	reader

	source, actor, id string
	at                string
	now               func() time.Time
}

// bind defines the flags of a verb that says something. Who speaks comes from
// the environment, or from the CI system that the verb runs in.
func (s *speaker) bind(cmd *cobra.Command) {
	s.reader.bind(cmd)
	ci := emitcli.Detect(s.env.Getenv)
	flags := cmd.Flags()
	flags.StringVar(&s.actor, "actor", cmp.Or(s.env.Getenv("TELLTALE_ACTOR"), ci.Actor), "opaque id of who says so, like github:12345 (TELLTALE_ACTOR)")
	flags.StringVar(&s.source, "source", cmp.Or(s.env.Getenv("TELLTALE_SOURCE"), ci.Source, "/cli"), "where it is said (TELLTALE_SOURCE)")
}

// bindEvent defines the flags that fix identity and time of what is said.
func (s *speaker) bindEvent(cmd *cobra.Command) {
	s.bind(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.id, "id", "", "event id; the same with --time again is a duplicate (default: a new one)")
	flags.StringVar(&s.at, "time", "now", "when it was so: RFC 3339, or now-10m")
}

// needActor refuses words that nobody takes responsibility for.
func (s *speaker) needActor() error {
	if s.actor == "" {
		return usagef("nobody says so: give --actor or TELLTALE_ACTOR, an opaque id like github:12345")
	}
	return nil
}

// event returns an event about a subject, valid. Several of one run differ by
// suffix.
func (s *speaker) event(typ, subject, suffix string, data any) (*events.Event, error) {
	at, err := moment("--time", s.at, s.now())
	if err != nil {
		return nil, err
	}
	id := s.id + suffix
	if s.id == "" {
		id = rand.Text()
	}
	e := &events.Event{ID: id, Source: s.source, Type: typ, Subject: subject}
	e.SetTime(at)
	if err = e.SetData(data); err == nil {
		err = e.Validate()
	}
	if err != nil {
		return nil, &ExitError{Code: ExitUsage, Err: err}
	}
	return e, nil
}

// receipt is what became of an event, as -o json shows it.
type receipt struct {
	Type    string         `json:"type"`
	Subject string         `json:"subject"`
	Source  string         `json:"source"`
	ID      string         `json:"id"`
	Result  string         `json:"result"` // accepted, or duplicate
	Data    jsontext.Value `json:"data"`
}

// say brings events to the server, one after the other, and tells what became
// of each. what says it to people: "approved prod/r7".
func (s *speaker) say(ctx context.Context, what string, list ...*events.Event) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	for i, e := range list {
		again, err := c.Say(ctx, e)
		if err != nil {
			return err
		}
		if err := s.told(what, i == 0, e, again); err != nil {
			return err
		}
	}
	return nil
}

// told shows one event that the server has.
func (s *speaker) told(what string, first bool, e *events.Event, again bool) error {
	result := "accepted"
	if again {
		result = "duplicate"
	}
	switch {
	case s.asData():
		raw, err := json.Marshal(receipt{e.Type, e.Subject, e.Source, e.ID, result, e.Data})
		if err != nil {
			return fmt.Errorf("write what was said: %w", err)
		}
		if first {
			return s.document(raw)
		}
		return s.next(raw)
	case s.output == formatName:
		return copyText(s.env.Stdout, e.ID)
	case again:
		return s.note("%s: the server has it already", escape(what))
	case first:
		return s.note("%s", escape(what))
	}
	return nil
}

// next writes one more document behind others.
func (r *reader) next(raw jsontext.Value) error {
	if r.output == formatYAML {
		if err := copyText(r.env.Stdout, "---"); err != nil {
			return err
		}
	}
	return r.document(raw)
}

// moment reads a point in time: RFC 3339, now, or a duration from now, as in
// now+2h. flag names it in the error.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UTC(), nil
	}
	rest, ok := strings.CutPrefix(text, "now")
	if ok && rest == "" {
		return now.UTC(), nil
	}
	d, err := time.ParseDuration(rest)
	if !ok || err != nil || rest[0] != '+' && rest[0] != '-' {
		return time.Time{}, usagef("%s %s is no time such as 2006-01-02T15:04:05Z, now or now+2h", flag, escape(text))
	}
	return now.Add(d).UTC(), nil
}

// deployment checks the key of a deployment.
func deployment(key string) error {
	if _, err := parts(key, 4, "ENV/REGION/COMPONENT/DEPLOYMENT"); err != nil {
		return err
	}
	if _, err := events.ParseKey(key); err != nil {
		return &ExitError{Code: ExitUsage, Err: err}
	}
	return nil
}

// release checks the key of a release.
func release(key string) error {
	if _, err := parts(key, 2, "ENV/RELEASE"); err != nil {
		return err
	}
	if _, err := events.ParseRelease(key); err != nil {
		return &ExitError{Code: ExitUsage, Err: err}
	}
	return nil
}
