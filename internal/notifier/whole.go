package notifier

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Labels that name a whole; they are also what people call its kind.
const (
	labelRelease = "release"
	labelRegion  = "region"
)

// whole is what the rules need of a change of a release, or of a region of an
// environment.
type whole struct {
	typ       string
	key       string // <env>/<release> or <env>/<region>
	env, name string
	kind      string // labelRelease or labelRegion
	path      string // in the API, below /v1/
	from, to  string // of a region statusDark or statusHeard, and nothing before
	at        time.Time
	source    string // who says so, "" for ticks that did not come
	facts     []string
}

// maxNamed is how many members of a release a message names.
const maxNamed = 10

func readWhole(e *events.Event) (*whole, error) {
	if e.Type == events.TypeRegionChanged {
		return readRegion(e)
	}
	return readRelease(e)
}

func readRelease(e *events.Event) (*whole, error) {
	var data struct {
		Key     string    `json:"key"`
		From    string    `json:"from"`
		To      string    `json:"to"`
		At      time.Time `json:"at"`
		Reason  string    `json:"reason"`
		Members []struct {
			Key    string `json:"key"`
			Status string `json:"status"`
		} `json:"members"`
		Cause struct {
			Source string `json:"source"`
		} `json:"cause"`
	}
	if err := e.DataAs(&data); err != nil {
		return nil, err
	}
	key, err := events.ParseRelease(data.Key)
	if err != nil {
		return nil, err
	}
	w := &whole{
		typ: e.Type, key: data.Key, env: key.Env, name: key.Name, kind: labelRelease, path: "releases/" + data.Key,
		from: data.From, to: data.To, at: data.At, source: data.Cause.Source,
	}
	if why := clean(data.Reason, maxSentence); why != "" {
		w.facts = append(w.facts, "Why: "+why)
	}
	var missing []string
	more := 0
	for _, m := range data.Members {
		switch {
		case isLanded(m.Status):
		case len(missing) == maxNamed:
			more++
		default:
			missing = append(missing, clean(m.Key, maxSentence)+" "+clean(m.Status, maxWord))
		}
	}
	if len(missing) > 0 {
		line := fmt.Sprintf("Not deployed, of %d: %s", len(data.Members), strings.Join(missing, ", "))
		if more > 0 {
			line += fmt.Sprintf(" and %d more", more)
		}
		w.facts = append(w.facts, line)
	}
	return w, nil
}

func readRegion(e *events.Event) (*whole, error) {
	var data struct {
		Dark      bool      `json:"dark"`
		Watermark time.Time `json:"watermark"`
	}
	if err := e.DataAs(&data); err != nil {
		return nil, err
	}
	in, err := events.ParseRelease(e.Subject) // of the same form: <env>/<region>
	if err != nil {
		return nil, err
	}
	w := &whole{
		typ: e.Type, key: e.Subject, env: in.Env, name: in.Name, kind: labelRegion, path: "regions",
		to: statusHeard, at: e.Time,
	}
	if data.Dark {
		w.to = statusDark
		w.facts = []string{
			"All up to " + stamp(data.Watermark) + " is known.",
			"Nothing there is called stalled meanwhile.",
		}
	}
	return w, nil
}

// firing says what is wrong with it.
func (w *whole) firing(rule *Rule, id, link string) receiver.Message {
	var text strings.Builder
	if w.kind == labelRelease {
		text.WriteString("Status ")
	}
	text.WriteString(clean(w.to, maxWord) + " since " + stamp(w.at))
	if w.from != "" && w.from != statemachine.StatusUnknown {
		fmt.Fprintf(&text, ", before that %s", clean(w.from, maxWord))
	}
	text.WriteString(".\n" + rule.lasted())
	if rule.Why != "" {
		fmt.Fprintf(&text, "Why: %s\n", rule.Why)
	}
	for _, fact := range w.facts {
		text.WriteString(fact + "\n")
	}
	if w.source != "" {
		fmt.Fprintf(&text, "Said by %s.\n", clean(w.source, maxSentence))
	}
	fmt.Fprintf(&text, "%s %s.", upperFirst(w.kind), w.key)
	return receiver.Message{
		Alert:    id,
		Status:   receiver.StatusFiring,
		Severity: rule.Severity,
		Title:    fmt.Sprintf("%s %s %s in %s", w.kind, w.name, rule.Verb, w.env),
		Text:     upperFirst(text.String()),
		Since:    w.at.UTC(),
		At:       w.at.UTC(),
		Link:     link,
		Labels:   map[string]string{"alertname": rule.Name, "severity": rule.Severity, "env": w.env, w.kind: w.name},
	}
}

// end says how the problem ended.
func (w *whole) end(rule *Rule) resolution {
	return resolution{what: cmp.Or(rule.Over, "is "+clean(w.to, maxWord)), at: w.at, source: w.source}
}
