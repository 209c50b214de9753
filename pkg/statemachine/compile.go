package statemachine

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Compile parses and compiles a lifecycle document. It fails with [Faults]: all
// that is wrong with the document, at once.
func Compile(doc []byte) (*Lifecycle, error) {
	d, err := Parse(doc)
	if err != nil {
		return nil, err
	}
	c := compiler{places: d.places, guards: make(map[string]*guard), Lifecycle: &Lifecycle{
		ref:     VersionRef{d.Metadata.Name, d.Metadata.Version},
		skew:    orElse(d.Spec.Skew, time.Minute),
		settle:  orElse(d.Spec.Settle, 10*time.Minute),
		horizon: int64(orElse(d.Spec.AlertHorizon, 6*time.Hour)),
		states:  []state{{name: StatusUnknown, guards: make(map[index]*guard)}},
		byName:  map[string]index{StatusUnknown: 0},
		says:    d.Spec.Says,
		aliases: d.Spec.Aliases,
	}}
	c.declare(d)
	c.declareGuards(d)
	c.evidence = c.guards[GuardEvidence]
	c.connect(d)
	c.declareAutos(d)
	c.declarePolicies(d)
	c.declareDeadlines(d)
	c.declareNames(d)
	if len(c.faults) > 0 {
		c.faults.sort()
		return nil, c.faults
	}
	c.findPaths(d)
	return c.Lifecycle, nil
}

// orElse returns a duration, or the default where the document has none.
func orElse(d *Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return time.Duration(*d)
}

type compiler struct {
	*Lifecycle
	places places
	guards map[string]*guard
	faults Faults
}

// fault puts what is wrong where the value of a path stands.
func (c *compiler) fault(path, format string, args ...any) {
	c.faults = append(c.faults, c.places.fault(path, fmt.Sprintf(format, args...)))
}

func (c *compiler) declare(d *Document) {
	if events.CheckName("name", d.Metadata.Name) != nil {
		c.fault("metadata.name", "the name is not [a-z0-9][a-z0-9_-]{0,62}")
	}
	if d.Metadata.Version == "" {
		c.fault("metadata.version", "the version is missing")
	}
	if n := len(d.Spec.States); n == 0 || n >= maxStates {
		c.fault("spec.states", "%d states, wanted 1 to %d", n, maxStates-1)
		return
	}
	for i, s := range d.Spec.States {
		at := fmt.Sprintf("spec.states[%d]", i)
		category := max(slices.Index(categoryNames[:], s.Category), 0)
		if category == 0 {
			c.fault(at+".category", "category %q is none of %v", s.Category, categoryNames[1:])
		}
		if s.Rank >= events.RankNone {
			c.fault(at+".rank", "rank %d, wanted 0 to %d", s.Rank, events.RankNone-1)
		}
		if events.CheckName("state", s.Name) != nil {
			c.fault(at+".name", "the name %q is not [a-z0-9][a-z0-9_-]{0,62}", s.Name)
		}
		if _, dup := c.byName[s.Name]; dup {
			c.fault(at+".name", "state %s is declared twice, or reserved", s.Name)
			continue
		}
		marks := slices.Clone(s.Marks)
		slices.Sort(marks)
		for j, mark := range s.Marks {
			if events.CheckName("mark", mark) != nil {
				c.fault(fmt.Sprintf("%s.marks[%d]", at, j), "the mark %q is not [a-z0-9][a-z0-9_-]{0,62}", mark)
			}
		}
		c.byName[s.Name] = index(len(c.states))
		c.states = append(c.states, state{
			name: s.Name, rank: s.Rank, category: Category(category),
			start: s.Start, announces: s.Announces, runs: s.Runs, lands: s.Lands, fails: s.Fails,
			restores: s.Restores, empties: s.Empties, marks: slices.Compact(marks), guards: make(map[index]*guard),
		})
	}
}

func (c *compiler) connect(d *Document) {
	for i, s := range d.Spec.States {
		if s.Anywhere == nil {
			continue
		}
		except := c.lookupAll(fmt.Sprintf("spec.states[%d].anywhere.except", i), s.Anywhere.Except)
		for from := range c.states {
			if !except.has(index(from)) {
				c.states[c.byName[s.Name]].anywhere.add(index(from))
			}
		}
	}
	for i, row := range d.Spec.Transitions {
		at := fmt.Sprintf("spec.transitions[%d]", i)
		from := c.lookupAll(at+".from", row.From)
		for j, to := range row.To {
			c.states[c.lookup(fmt.Sprintf("%s.to[%d]", at, j), to)].from |= from
		}
		for j, judgement := range row.Judged {
			at := fmt.Sprintf("%s.judged[%d]", at, j)
			to := c.lookup(at+".to", judgement.To)
			name := judgement.Guard
			if _, said := c.places[at+".guard"]; !said {
				name = GuardEvidence
			}
			guard := c.guard(at+".guard", name)
			c.states[to].judged |= from
			for f := range c.states {
				if from.has(index(f)) {
					c.states[to].guards[index(f)] = guard
					c.judges(at, index(f), to)
				}
			}
		}
	}
	c.lookupAll("spec.implied", d.Spec.Implied)
}

// judges refuses a step that is concluded but means that something happened to
// the slot: only a fact can say so.
func (c *compiler) judges(path string, from, to index) {
	f, t := &c.states[from], &c.states[to]
	if t.runs && !f.runs || t.lands || t.restores || t.empties {
		c.fault(path, "from %s to %s something happens to the slot: that is a fact, nobody can judge it", f.name, t.name)
	}
}

func (c *compiler) lookup(path, name string) index {
	i, ok := c.byName[name]
	if !ok || i == 0 {
		c.fault(path, "there is no state %q", name)
	}
	return i
}

// lookupAll returns the set of these states. Names that are none stand in it as
// unknown, and the document is refused.
func (c *compiler) lookupAll(path string, names []string) set {
	var out set
	for i, name := range names {
		out.add(c.lookup(fmt.Sprintf("%s[%d]", path, i), name))
	}
	return out
}

var sourcePattern = regexp.MustCompile(`^[!-~]{1,512}$`)

// declareNames compiles what speaks of names: says, aliases, authority.
func (c *compiler) declareNames(d *Document) {
	for i, name := range d.Spec.Says {
		at := fmt.Sprintf("spec.says[%d]", i)
		if events.CheckName("says", name) != nil {
			c.fault(at, "the name %q is not [a-z0-9][a-z0-9_-]{0,62}", name)
		}
		if _, state := c.byName[name]; state {
			c.fault(at, "%s is a state: a tool that says it moves the status", name)
		}
	}
	for _, label := range slices.Sorted(maps.Keys(d.Spec.Aliases)) {
		canonical := d.Spec.Aliases[label]
		if _, again := d.Spec.Aliases[canonical]; again || canonical == "" {
			c.fault("spec.aliases."+label, "%q is no canonical name", canonical)
		}
	}
	for i, row := range d.Spec.Authority {
		at := fmt.Sprintf("spec.authority[%d]", i)
		if !sourcePattern.MatchString(row.Source) {
			c.fault(at+".source", "%q is not a pattern of sources", row.Source)
		}
		c.authority = append(c.authority, authority{row.Source, c.lookupAll(at+".statuses", row.Statuses)})
	}
}

// findPaths finds, for each pair of states, the shortest way through implied
// steps; among equally short ones the document's order of implied decides.
func (c *compiler) findPaths(d *Document) {
	for to := 1; to < len(c.states); to++ {
		c.states[to].paths = make(map[index][]index)
	}
	for from := range c.states {
		start := index(from)
		if s := c.states[from]; s.category.IsFinal() && !s.runs {
			continue // never out of a final status, unless it runs
		}
		steps := map[index][]index{start: {}}
		for queue := []index{start}; len(queue) > 0; queue = queue[1:] {
			at := queue[0]
			for to := 1; to < len(c.states); to++ {
				_, have := c.states[to].paths[start]
				// A judgement is reached over facts; unknown leads straight to
				// any fact, so its only paths are those to judgements.
				reaches := c.states[to].judged.has(at) || at != 0 && c.states[to].from.has(at)
				if !have && len(steps[at]) > 0 && reaches && index(to) != start {
					c.states[to].paths[start] = steps[at]
				}
			}
			for _, name := range d.Spec.Implied {
				next := c.byName[name]
				if _, seen := steps[next]; !seen && (at == 0 || c.states[next].from.has(at)) {
					steps[next] = append(slices.Clone(steps[at]), next)
					queue = append(queue, next)
				}
			}
		}
	}
}
