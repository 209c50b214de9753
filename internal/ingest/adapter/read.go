package adapter

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/telltale-dev/telltale/internal/document"
	"github.com/telltale-dev/telltale/internal/expr"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Bounds of a document, in bytes and elements. schemas/documents/Mapping.json
// gives the same figures.
const (
	maxLets     = 64
	maxRules    = 100
	maxOutcomes = 32
	maxValues   = 200 // of a status table
	maxSaid     = 512 // summary, ignore, reason
	maxNamed    = 64  // labels, native
)

// The alphabets of a document's words.
var (
	toolName   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	ruleName   = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,62}$`)
	letName    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	statusName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	labelName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$`)
)

// varItem is the variable of a rule with each.
const varItem = "item"

// Read reads a mapping strictly: an unknown key or function, a key that is
// missing and an expression without a bound are faults. The error is a
// [*document.Error] with the places in the file, all of them.
func Read(file string, doc []byte) (*Mapping, error) {
	r := reading{}
	base, err := expr.NewFormulas()
	if err != nil {
		return nil, err
	}
	r.env = base
	m := &Mapping{doc: slices.Clone(doc)}
	r.Document(r.Resolve(r.Root(doc)), Kind, &m.Name, &m.Version, func(node ast.Node, key string) { r.spec(m, node, key) })
	if m.Name != "" && !toolName.MatchString(m.Name) {
		r.Fault(nil, "metadata.name", "is not the name of a tool: %s", toolName)
	}
	for i := range r.Faults {
		r.Faults[i].File = file
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return m, nil
}

// reading reads one document.
type reading struct {
	document.Reader

	env      *expr.Formulas // with the lets that were read
	defaults eventFields
}

func (r *reading) spec(m *Mapping, node ast.Node, key string) {
	m.Accept = []string{AcceptJSON}
	var rules []*rule
	// The lets and the defaults of events are read before the rules, wherever they
	// stand.
	r.Mapping(node, key,
		document.Required("summary", func(n ast.Node, k string) { m.Summary = r.Text(n, k, 1, maxSaid) }),
		document.Optional("accept", func(n ast.Node, k string) { m.Accept = r.oneOf(n, k, AcceptJSON, AcceptForm) }),
		document.Optional("auth", func(n ast.Node, k string) {
			for _, s := range r.oneOf(n, k, string(SchemeGitHub), string(SchemeGitLab), string(SchemeStandardWebhooks),
				string(SchemeBearer), string(SchemePagerDuty), string(SchemeSlack), string(SchemeBasic), string(SchemeJira), string(SchemeFlux)) {
				m.Auth = append(m.Auth, Scheme(s))
			}
		}),
		document.Optional("let", func(n ast.Node, k string) { m.lets = r.lets(n, k) }),
		document.Optional("event", func(ast.Node, string) {}),
		document.Required("rules", func(ast.Node, string) {}),
	)
	defaults := r.env // with item, when there are rules that have one
	r.within(node, "rules", key, func(n ast.Node, k string) {
		seq, _ := n.(*ast.SequenceNode)
		for i := 0; seq != nil && i < len(seq.Values); i++ {
			r.within(seq.Values[i], "each", k, func(ast.Node, string) {
				if env, err := r.env.WithValue(varItem); err == nil {
					defaults = env
				}
			})
		}
	})
	r.within(node, "event", key, func(n ast.Node, k string) { r.defaults = *r.event(n, k, defaults) })
	r.within(node, "rules", key, func(n ast.Node, k string) {
		r.List(n, k, 1, maxRules, func(n ast.Node, k string) { rules = append(rules, r.rule(n, k)) })
	})
	for _, rule := range rules {
		m.rules = append(m.rules, *rule)
	}
}

// within reads the value of a key, if it is there.
func (r *reading) within(node ast.Node, name, key string, read func(ast.Node, string)) {
	list, _ := document.Entries(node)
	for _, e := range list {
		if e.Key.GetToken().Value == name {
			read(e.Value, document.Below(key, name))
		}
	}
}

func (r *reading) oneOf(node ast.Node, key string, words ...string) []string {
	var all []string
	r.List(node, key, 1, len(words), func(n ast.Node, k string) {
		before := len(r.Faults)
		s := r.Text(n, k, 0, maxSaid)
		if len(r.Faults) == before && !slices.Contains(words, s) {
			r.Fault(document.Start(n), k, "is none of %s", strings.Join(words, ", "))
		}
		all = append(all, s)
	})
	return all
}

func (r *reading) lets(node ast.Node, key string) []let {
	list, ok := document.Entries(node)
	switch {
	case !ok:
		r.Fault(document.Start(node), key, "is not a mapping")
		return nil
	case len(list) > maxLets:
		r.Fault(document.Start(node), key, "has %d names, at most %d are allowed", len(list), maxLets)
		return nil
	}
	var all []let
	for _, e := range list {
		name := e.Key.GetToken().Value
		if !letName.MatchString(name) || name == varItem {
			r.Fault(e.Key.GetToken(), key, "has a name that none can be: %s, and not item", letName)
			continue
		}
		f := r.formula(e.Value, document.Below(key, name), r.env)
		if f == nil {
			// What reads it would be told to be unknown: one fault is enough.
			if next, err := r.env.WithValue(name); err == nil {
				r.env = next
			}
			continue
		}
		next, err := r.env.With(name, f)
		if err != nil {
			r.Fault(e.Key.GetToken(), key, "%s", err)
			continue
		}
		r.env = next
		all = append(all, let{name, f})
	}
	return all
}

// formula reads an expression, nil after a fault.
func (r *reading) formula(node ast.Node, key string, env *expr.Formulas) *expr.Formula {
	return r.compile(node, key, env.Compile)
}

// condition reads an expression that holds or does not.
func (r *reading) condition(node ast.Node, key string, env *expr.Formulas) *expr.Formula {
	return r.compile(node, key, env.Condition)
}

func (r *reading) compile(node ast.Node, key string, compile func(string) (*expr.Formula, error)) *expr.Formula {
	before := len(r.Faults)
	source := r.Text(node, key, 1, expr.MaxSource)
	if len(r.Faults) > before {
		return nil
	}
	f, err := compile(source)
	var faults expr.Faults
	switch {
	case err == nil:
		return f
	case !errors.As(err, &faults):
		r.Fault(document.Start(node), key, "%s", err)
	}
	for _, x := range faults {
		line, column := placeIn(node, x.Line, x.Column)
		r.Faults = append(r.Faults, document.Fault{Line: line, Column: column, Key: key, Detail: x.Message})
	}
	return nil
}

// placeIn returns the place in the file of a place in an expression, both from
// 1. It is exact for what stands on one line, but for escapes, and for a block
// after "|"; of any other text of several lines it is the beginning.
func placeIn(node ast.Node, line, column int) (fileLine, fileColumn int) {
	switch n := node.(type) {
	case *ast.LiteralNode:
		if block := n.Value.GetToken(); strings.HasPrefix(n.Start.Value, "|") {
			indent := len(block.Origin) - len(strings.TrimLeft(block.Origin, " "))
			return n.Start.Position.Line + line, indent + column
		}
		return n.Start.Position.Line, n.Start.Position.Column
	case *ast.StringNode:
		t := n.GetToken()
		at := t.Position.Column
		if t.Value != strings.TrimSpace(t.Origin) {
			at++ // the quote
		}
		if line > 1 {
			return t.Position.Line, at
		}
		return t.Position.Line, at + column - 1
	}
	t := document.Start(node)
	return t.Position.Line, t.Position.Column
}

// event reads the fields of an event.
func (r *reading) event(node ast.Node, key string, env *expr.Formulas) *eventFields {
	e := &eventFields{}
	keys := []document.Field{
		document.Optional("labels", func(n ast.Node, k string) { e.labels = r.named(n, k, env) }),
		document.Optional("native", func(n ast.Node, k string) { e.native = r.named(n, k, env) }),
		document.Optional("refs", func(n ast.Node, k string) {
			e.refs = []*expr.Formula{}
			r.List(n, k, 0, maxNamed, func(n ast.Node, k string) { e.refs = append(e.refs, r.formula(n, k, env)) })
		}),
	}
	for i, name := range fieldNames {
		keys = append(keys, document.Optional(name, func(n ast.Node, k string) { e.one[i] = r.formula(n, k, env) }))
	}
	r.Mapping(node, key, keys...)
	return e
}

func (r *reading) named(node ast.Node, key string, env *expr.Formulas) []named {
	list, ok := document.Entries(node)
	switch {
	case !ok:
		r.Fault(document.Start(node), key, "is not a mapping")
		return nil
	case len(list) > maxNamed:
		r.Fault(document.Start(node), key, "has %d names, at most %d are allowed", len(list), maxNamed)
		return nil
	}
	var all []named
	for _, e := range list {
		name := e.Key.GetToken().Value
		if !labelName.MatchString(name) {
			r.Fault(e.Key.GetToken(), key, "has a name that none can be: %s", labelName)
			continue
		}
		all = append(all, named{name, r.formula(e.Value, document.Below(key, name), env)})
	}
	return all
}

func (r *reading) rule(node ast.Node, key string) *rule {
	rl := &rule{}
	env := r.env
	var err error
	r.within(node, "each", key, func(n ast.Node, k string) {
		if env, err = r.env.WithValue(varItem); err != nil {
			r.Fault(document.Start(n), k, "%s", err)
			env = r.env
		}
	})
	own := &eventFields{}
	r.within(node, "event", key, func(n ast.Node, k string) { own = r.event(n, k, env) })
	all := own.over(&r.defaults)
	did := 0
	one := func(read func(ast.Node, string)) func(ast.Node, string) {
		return func(n ast.Node, k string) {
			if did++; did > 1 {
				r.Fault(document.Start(n), k, "goes not with the others of status, outcome and ignore")
			}
			read(n, k)
		}
	}
	r.Mapping(node, key,
		document.Required("name", func(n ast.Node, k string) { rl.name = r.Word(n, k, "a name", ruleName) }),
		document.Optional("when", func(n ast.Node, k string) { rl.when = r.condition(n, k, r.env) }),
		document.Optional("each", func(n ast.Node, k string) { rl.each = r.formula(n, k, r.env) }),
		document.Optional("event", func(ast.Node, string) {}),
		document.Optional("ignore", one(func(n ast.Node, k string) { rl.ignore = r.Text(n, k, 1, maxSaid) })),
		document.Optional("status", one(func(n ast.Node, k string) { rl.status = r.status(n, k, env, all) })),
		document.Optional("outcome", one(func(n ast.Node, k string) { rl.outcome = r.outcomes(n, k, env, all) })),
	)
	if did == 0 {
		r.Fault(document.Start(node), key, "says neither status nor outcome nor ignore")
	}
	if rl.ignore == "" {
		r.needs(node, key, all)
	}
	return rl
}

// needs wants the fields without which no event can be.
func (r *reading) needs(node ast.Node, key string, all *eventFields) {
	for _, f := range []field{fieldID, fieldSource} {
		if all.one[f] == nil && len(r.Faults) == 0 {
			r.Fault(document.Start(node), document.Below(key, "event."+fieldNames[f]), "is missing, here and in spec.event")
		}
	}
}

func (r *reading) status(node ast.Node, key string, env *expr.Formulas, event *eventFields) *statusTable {
	t := &statusTable{exact: make(map[string][]*outcome)}
	var folded bool
	r.within(node, "fold", key, func(n ast.Node, k string) {
		r.Word(n, k, "lower", regexp.MustCompile(`^lower$`))
		folded = true
	})
	t.fold = folded
	r.Mapping(node, key,
		document.Required("field", func(n ast.Node, k string) { t.field = r.Word(n, k, "a name", labelName) }),
		document.Required("value", func(n ast.Node, k string) { t.value = r.formula(n, k, env) }),
		document.Optional("fold", func(ast.Node, string) {}),
		document.Required("map", func(n ast.Node, k string) { r.table(t, n, k, env, event) }),
	)
	return t
}

func (r *reading) table(t *statusTable, node ast.Node, key string, env *expr.Formulas, event *eventFields) {
	list, ok := document.Entries(node)
	switch {
	case !ok:
		r.Fault(document.Start(node), key, "is not a mapping")
		return
	case len(list) > maxValues:
		r.Fault(document.Start(node), key, "has %d values, at most %d are allowed", len(list), maxValues)
		return
	}
	for _, e := range list {
		value := e.Key.GetToken().Value
		if t.fold {
			value = strings.ToLower(value)
		}
		outcomes := r.outcomes(e.Value, document.Below(key, value), env, event)
		if text, ok := strings.CutSuffix(value, "*"); ok {
			if text == "" && !slices.ContainsFunc(outcomes, func(o *outcome) bool { return o.kind == outcomeIgnore }) {
				r.Fault(e.Key.GetToken(), key, "says of every value what it means: only ignore may do that")
			}
			t.prefixes = append(t.prefixes, prefix{text, outcomes})
			continue
		}
		if _, twice := t.exact[value]; twice {
			r.Fault(e.Key.GetToken(), key, "has the value %q twice", value)
		}
		t.exact[value] = outcomes
	}
	slices.SortStableFunc(t.prefixes, func(a, b prefix) int { return len(b.text) - len(a.text) })
}

// outcomes reads one outcome or a list of them.
func (r *reading) outcomes(node ast.Node, key string, env *expr.Formulas, event *eventFields) []*outcome {
	if _, ok := node.(*ast.SequenceNode); !ok {
		return []*outcome{r.outcome(node, key, env, event)}
	}
	var all []*outcome
	r.List(node, key, 1, maxOutcomes, func(n ast.Node, k string) { all = append(all, r.outcome(n, k, env, event)) })
	return all
}

func (r *reading) outcome(node ast.Node, key string, env *expr.Formulas, event *eventFields) *outcome {
	o := &outcome{event: event}
	if _, ok := document.Entries(node); !ok {
		if o.status = r.Word(node, key, "a status", statusName); o.status == "heartbeat" {
			o.kind = outcomeHeartbeat
		}
		return o
	}
	r.within(node, "event", key, func(n ast.Node, k string) { o.event = r.event(n, k, env).over(event) })
	did := 0
	is := func(kind outcomeKind, read func(ast.Node, string)) func(ast.Node, string) {
		return func(n ast.Node, k string) {
			if did++; did > 1 {
				r.Fault(document.Start(n), k, "goes not with the others of status, heartbeat, evidence, observed, annotate and ignore")
			}
			o.kind = kind
			read(n, k)
		}
	}
	yes := func(n ast.Node, k string) {
		if before := len(r.Faults); !r.Boolean(n, k) && len(r.Faults) == before {
			r.Fault(document.Start(n), k, "is not true: leave it out")
		}
	}
	classes := []string{string(events.ClassPermanent), string(events.ClassTransient), string(events.ClassEnvironmental)}
	r.Mapping(node, key,
		document.Optional("when", func(n ast.Node, k string) { o.when = r.condition(n, k, env) }),
		document.Optional("event", func(ast.Node, string) {}),
		document.Optional("status", is(outcomeStatus, func(n ast.Node, k string) { o.status = r.Word(n, k, "a status", statusName) })),
		document.Optional("class", func(n ast.Node, k string) { o.class = r.word(n, k, classes...) }),
		document.Optional("reason", func(n ast.Node, k string) { o.reason = r.Text(n, k, 1, maxSaid) }),
		document.Optional("heartbeat", is(outcomeHeartbeat, yes)),
		document.Optional("observed", is(outcomeObserved, yes)),
		document.Optional("ignore", is(outcomeIgnore, func(n ast.Node, k string) { o.ignore = r.Text(n, k, 1, maxSaid) })),
		document.Optional("evidence", is(outcomeEvidence, func(n ast.Node, k string) {
			r.Mapping(n, k,
				document.Required("kind", func(n ast.Node, k string) { o.evidence = r.Word(n, k, "a kind of evidence", statusName) }),
				document.Required("verdict", func(n ast.Node, k string) {
					o.verdict = r.word(n, k, string(events.VerdictPass), string(events.VerdictFail), string(events.VerdictUnknown))
				}),
				document.Optional("name", func(n ast.Node, k string) { o.name = r.Text(n, k, 1, maxNative) }),
			)
		})),
		document.Optional("annotate", is(outcomeAnnotate, func(n ast.Node, k string) {
			r.Mapping(n, k,
				document.Required("kind", func(n ast.Node, k string) {
					o.annotation = r.word(n, k, "root_cause", "comment", "link", "incident", "impact")
				}),
				document.Optional("text", func(n ast.Node, k string) { o.text = r.formula(n, k, env) }),
			)
		})),
		document.Optional("and", func(n ast.Node, k string) {
			r.List(n, k, 1, maxOutcomes, func(n ast.Node, k string) { o.and = append(o.and, r.outcome(n, k, env, o.event)) })
		}),
	)
	if did == 0 {
		r.Fault(document.Start(node), key, "says none of status, heartbeat, evidence, observed, annotate and ignore")
	}
	if o.kind != outcomeStatus && (o.class != "" || o.reason != "") {
		r.Fault(document.Start(node), key, "has a class or a reason, which only a status has")
	}
	return o
}

func (r *reading) word(node ast.Node, key string, words ...string) string {
	before := len(r.Faults)
	s := r.Text(node, key, 0, maxSaid)
	if len(r.Faults) == before && !slices.Contains(words, s) {
		r.Fault(document.Start(node), key, "is none of %s", strings.Join(words, ", "))
	}
	return s
}
