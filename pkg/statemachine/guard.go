package statemachine

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/expr"
	"github.com/telltale-dev/telltale/pkg/events"
)

// guard is a compiled condition: of a judgement, an auto transition or a policy.
type guard struct {
	name, message string
	program       *expr.Program
	// Most deployments have no evidence, and most guards read nothing else: then
	// the answer is known beforehand. bare says that this is such a guard.
	bare, barely bool
}

// The guard of judgements that name none, for documents that do not write it
// out as the standard one does.
const (
	evidenceWhen = `evidence.exists(e, e.after && e.kind != "approval" && e.verdict == "pass") &&
!evidence.exists(e, e.after && e.kind != "approval" && e.verdict == "fail")
`
	evidenceMessage = "waits for passing evidence from after the landing"
)

// auto is a transition that nobody has to report.
type auto struct {
	to     index
	guard  *guard
	reason string
}

// heard is an evidence as expressions see it.
type heard struct {
	Kind    string `cel:"kind"`
	Name    string `cel:"name"`
	Verdict string `cel:"verdict"`
	Source  string `cel:"source"`
	After   bool   `cel:"after"`   // not before the landing, or the status, that is judged
	Current bool   `cel:"current"` // after the end of the attempt before
}

// guardEnv has the variables of guards and policies; docs/lifecycle.md explains
// each.
var guardEnv = sync.OnceValues(func() (*expr.Env, error) {
	return expr.NewEnv(
		expr.Text("status"), expr.Text("previous"), expr.Int("attempt"), expr.Text("version"), expr.Text("release"),
		expr.Text("env"), expr.Text("region"), expr.Text("component"), expr.Text("deployment"),
		expr.Text("source"), expr.Text("emitter"),
		expr.Records[heard]("evidence", "evidence"), expr.Pairs("labels"), expr.Pairs("native"),
	)
})

// scope is what an expression reads: a state, and the word at hand.
type scope struct {
	key   events.Key
	s     *State
	w     *Word
	after int64 // τ from which evidence counts
}

// Value implements [expr.Vars].
func (sc *scope) Value(name string) any {
	s := sc.s
	switch name {
	case "status":
		return s.Status
	case "previous":
		return s.Previous
	case "attempt":
		return int64(s.Attempt)
	case "version":
		return s.Version
	case "release":
		return s.Release
	case "env":
		return sc.key.Env
	case "region":
		return sc.key.Region
	case "component":
		return sc.key.Component
	case "deployment":
		return sc.key.Deployment
	case "source":
		return sc.w.Source
	case "emitter":
		return sc.w.Emitter
	case "labels":
		pairs := make([]expr.Pair, len(s.Labels))
		for i, l := range s.Labels {
			pairs[i] = expr.Pair{Key: l.Name, Value: l.Value}
		}
		return pairs
	case "native":
		return nativePairs(s.Native)
	case "evidence":
		out := make([]heard, len(s.Evidence))
		for i, e := range s.Evidence {
			out[i] = heard{
				Kind: e.Kind, Name: e.Name, Verdict: string(e.Verdict), Source: e.Source,
				After: e.Tau >= sc.after, Current: s.memory.prior == 0 || e.Tau > s.memory.prior,
			}
		}
		return out
	}
	return nil
}

// nativePairs lists the fields of a JSON object by key: a text as it is, any
// other value as its JSON.
func nativePairs(object jsontext.Value) []expr.Pair {
	pairs := []expr.Pair{}
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if tok, err := d.ReadToken(); err != nil || tok.Kind() != '{' {
		return pairs
	}
	for d.PeekKind() == '"' {
		key, err := d.ReadToken()
		if err != nil {
			break
		}
		name := key.String()
		value, err := d.ReadValue()
		if err != nil {
			break
		}
		text := string(value)
		if value.Kind() == '"' {
			if raw, err := jsontext.AppendUnquote(nil, value); err == nil {
				text = string(raw)
			}
		}
		pairs = append(pairs, expr.Pair{Key: name, Value: text})
	}
	slices.SortFunc(pairs, func(a, b expr.Pair) int { return strings.Compare(a.Key, b.Key) })
	return pairs
}

// holds evaluates the guard for a state and the word at hand; evidence counts
// from after on. One that cannot be evaluated does not hold, and why is said
// after its sentence.
func (g *guard) holds(key *events.Key, s *State, w *Word, after int64) (ok bool, message string) {
	if g.bare && len(s.Evidence) == 0 {
		return g.barely, g.message
	}
	ok, err := g.program.Holds(&scope{key: *key, s: s, w: w, after: after})
	if err != nil {
		return false, fmt.Sprintf("%s (the condition cannot be evaluated: %v)", g.message, err)
	}
	return ok, g.message
}

// guard returns a declared guard.
func (c *compiler) guard(path, name string) *guard {
	g, ok := c.guards[name]
	if !ok {
		c.fault(path, "there is no guard %q", name)
	}
	return g
}

// condition compiles an expression where it stands.
func (c *compiler) condition(path, name, when, message string) *guard {
	g := &guard{name: name, message: message}
	if events.CheckName("name", name) != nil {
		c.fault(path+".name", "the name %q is not [a-z0-9][a-z0-9_-]{0,62}", name)
	}
	if message == "" {
		c.fault(path+".message", "the message is missing: what does it wait for, as a sentence for people?")
	}
	env, err := guardEnv()
	if err == nil {
		g.program, err = env.Compile(when)
	}
	var faults expr.Faults
	switch {
	case errors.As(err, &faults):
		for _, f := range faults {
			c.faults = append(c.faults, c.places.within(path+".when", f))
		}
		return g
	case err != nil:
		c.fault(path+".when", "%v", err)
		return g
	}
	reads := g.program.Reads()
	g.bare = len(reads) == 0 || slices.Equal(reads, []string{"evidence"})
	if g.bare {
		g.barely, err = g.program.Holds(&scope{s: NewState()})
		g.bare = err == nil
	}
	return g
}

func (c *compiler) declareGuards(d *Document) {
	for i, spec := range d.Spec.Guards {
		at := fmt.Sprintf("spec.guards[%d]", i)
		if _, dup := c.guards[spec.Name]; dup {
			c.fault(at+".name", "guard %s is declared twice", spec.Name)
		}
		c.guards[spec.Name] = c.condition(at, spec.Name, spec.When, spec.Message)
	}
	if _, own := c.guards[GuardEvidence]; !own {
		c.guards[GuardEvidence] = c.condition("spec", GuardEvidence, evidenceWhen, evidenceMessage)
	}
}

// declareAutos compiles the transitions that go by themselves, and refuses a
// cycle of them: it might never come to rest.
func (c *compiler) declareAutos(d *Document) {
	leads := make([]set, len(c.states))
	for i, spec := range d.Spec.Auto {
		at := fmt.Sprintf("spec.auto[%d]", i)
		to := c.lookup(at+".to", spec.To)
		a := auto{to: to, guard: c.guard(at+".when", spec.When), reason: spec.Reason}
		from := c.lookupAll(at+".from", spec.From)
		for f := range c.states {
			if !from.has(index(f)) {
				continue
			}
			c.judges(at, index(f), to)
			c.states[f].autos = append(c.states[f].autos, a)
			leads[f].add(to)
			if reaches(leads, to, index(f)) {
				c.fault(at, "from %s to %s closes a cycle of transitions that go by themselves", c.states[f].name, spec.To)
			}
		}
	}
}

// reaches reports whether steps lead from one state to another.
func reaches(leads []set, from, to index) bool {
	var seen set
	for queue := []index{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == to {
			return true
		}
		for next := range leads {
			if leads[at].has(index(next)) && !seen.has(index(next)) {
				seen.add(index(next))
				queue = append(queue, index(next))
			}
		}
	}
	return false
}

func (c *compiler) declarePolicies(d *Document) {
	names := make(map[string]bool)
	for i, spec := range d.Spec.Policies {
		at := fmt.Sprintf("spec.policies[%d]", i)
		if names[spec.Name] {
			c.fault(at+".name", "policy %s is declared twice", spec.Name)
		}
		names[spec.Name] = true
		policy := c.condition(at, spec.Name, spec.When, spec.Message)
		on := c.lookupAll(at+".on", spec.On)
		for s := range c.states {
			if on.has(index(s)) {
				c.states[s].policies = append(c.states[s].policies, policy)
			}
		}
	}
}
