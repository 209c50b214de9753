package adapter

import (
	"fmt"
	"strings"

	"github.com/telltale-dev/telltale/internal/expr"
	"github.com/telltale-dev/telltale/pkg/events"
)

// maxEach is how many things one request may be about.
const maxEach = 100

// Result is what a request means.
type Result struct {
	Events   []Mapped
	Ignored  []Ignored
	Unmapped []Unmapped
}

// Mapped is an event and the rule that said so. It is valid, and has none of
// what ingest stamps but OriginalID.
type Mapped struct {
	Event *events.Event
	Rule  string
}

// Ignored is something that means nothing here.
type Ignored struct {
	Rule   string // "" when no rule is about the request
	Reason string
}

// Unmapped is something that no event could be made of.
type Unmapped struct {
	Rule    string
	Field   string   // the tool's field with a value that nobody mapped, or the key of the expression that failed
	Value   string   // of the field, as the tool said it
	Missing []string // parts of the identity
	Err     *events.Error
}

// Map says what a request means. The error is an [*events.Error]: E_MALFORMED or
// E_TOO_LARGE for a payload that is none; everything else is in the result. The
// events share no memory with the request's body.
func (m *Mapping) Map(r *Request) (*Result, error) {
	p, err := m.read(r)
	defer p.release()
	if err != nil {
		return nil, err
	}
	res := &Result{}
	e := &evaluation{mapping: m, request: r, payload: p, result: res, lets: make([]letValue, len(m.lets))}
	e.scope = expr.Scope{Header: r.header, Query: r.query, Deploys: r.deploys, Variable: e.variable}
	for i := range m.rules {
		rl := &m.rules[i]
		if e.rule = rl.name; rl.when != nil {
			holds, err := rl.when.Holds(&e.scope)
			if err != nil {
				e.failed("when", err)
				return res, nil
			}
			if !holds {
				continue
			}
		}
		return res, e.apply(rl)
	}
	res.Ignored = append(res.Ignored, Ignored{Reason: "no rule of the mapping is about this"})
	return res, nil
}

// evaluation is one request on its way through a mapping.
type evaluation struct {
	mapping *Mapping
	request *Request
	payload payload
	scope   expr.Scope
	lets    []letValue // by let
	item    expr.Value // of a rule with each
	rule    string
	native  nativeValue // the field of the rule's status table
	result  *Result
}

type letValue struct {
	done  bool
	value expr.Value
	err   error
}

// variable gives the value of a variable to the expressions.
func (e *evaluation) variable(name string) (expr.Value, error) {
	switch name {
	case expr.VarBody:
		return e.payload.body, nil
	case expr.VarCE:
		return e.payload.ce, nil
	case varItem:
		return e.item, nil
	}
	for i := range e.mapping.lets {
		l := &e.mapping.lets[i]
		if l.name != name {
			continue
		}
		v := &e.lets[i]
		if !v.done {
			v.value, v.err = l.value.Eval(&e.scope)
			v.done = true
			if v.err != nil {
				v.err = fmt.Errorf("let %s: %w", name, v.err)
			}
		}
		return v.value, v.err
	}
	return expr.Value{}, fmt.Errorf("there is no variable %s", name) // cannot be: the checker knows them
}

// failed records an expression that could not be evaluated.
func (e *evaluation) failed(key string, err error) {
	e.result.Unmapped = append(e.result.Unmapped, Unmapped{
		Rule: e.rule, Field: key,
		Err: events.Errorf(events.CodeUnmapped, "rule %s of the mapping %s: %s: %s", e.rule, e.mapping.Name, key, err).
			WithHint("the payload is not what the mapping expects: try it with `telltale mapping test`"),
	})
}

// apply applies a rule that the request is about.
func (e *evaluation) apply(rl *rule) error {
	switch {
	case rl.ignore != "":
		e.result.Ignored = append(e.result.Ignored, Ignored{rl.name, rl.ignore})
		return nil
	case rl.each == nil:
		e.applyOnce(rl)
		return nil
	}
	list, err := rl.each.Eval(&e.scope)
	if err != nil {
		e.failed("each", err)
		return nil
	}
	items := list.List()
	if len(items) > maxEach {
		return events.Errorf(events.CodeTooLarge, "the request is about %d things, at most %d are allowed", len(items), maxEach)
	}
	if len(items) == 0 {
		e.result.Ignored = append(e.result.Ignored, Ignored{rl.name, "it lists nothing"})
	}
	for _, item := range items {
		e.item = item
		e.applyOnce(rl)
	}
	return nil
}

// applyOnce applies a rule to one thing.
func (e *evaluation) applyOnce(rl *rule) {
	e.native = nativeValue{}
	candidates := rl.outcome
	if t := rl.status; t != nil {
		v, err := t.value.Eval(&e.scope)
		if err != nil {
			e.failed("status.value", err)
			return
		}
		e.native = nativeValue{t.field, v.Text()}
		key := e.native.value
		if t.fold {
			key = strings.ToLower(key)
		}
		candidates = t.of(key)
	}
	for _, o := range candidates {
		holds, ok := e.holds(o)
		if !ok {
			return
		}
		if holds {
			e.make(o)
			return
		}
	}
	e.unmappedValue()
}

// holds reports whether an outcome counts; ok is false when it cannot be said.
func (e *evaluation) holds(o *outcome) (holds, ok bool) {
	if o.when == nil {
		return true, true
	}
	holds, err := o.when.Holds(&e.scope)
	if err != nil {
		e.failed("status.map.when", err)
		return false, false
	}
	return holds, true
}

// unmappedValue records that nobody said what the value means.
func (e *evaluation) unmappedValue() {
	if e.native.field == "" {
		e.result.Unmapped = append(e.result.Unmapped, Unmapped{
			Rule: e.rule, Field: "outcome",
			Err: events.Errorf(events.CodeUnmapped, "none of the outcomes of rule %s of the mapping %s holds", e.rule, e.mapping.Name),
		})
		return
	}
	e.result.Unmapped = append(e.result.Unmapped, Unmapped{
		Rule: e.rule, Field: e.native.field, Value: cutText(e.native.value, maxNative),
		Err: events.Errorf(events.CodeUnmapped, "the mapping %s does not say what this value of %s means", e.mapping.Name, e.native.field).
			WithHint("add the value to the mapping, or ignore it there"),
	})
}
