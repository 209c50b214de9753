package definition

import (
	"regexp"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// APIVersion is the only one there is, of every kind.
const APIVersion = "telltale.dev/v1"

// The kinds of documents.
const (
	KindLifecycle = "Lifecycle"
	KindMapping   = "Mapping"
	KindComponent = "Component"
	KindSource    = "Source"
)

// Bounds of a document, in bytes and elements. The JSON Schemas in
// schemas/documents give the same figures; where they count characters, they
// are the wider ones.
const (
	maxShort     = 256
	maxText      = 8192
	maxPatterns  = 64
	maxRegions   = 256
	maxDepends   = 64
	maxStatuses  = 64
	maxLabels    = 64
	maxLabelName = 128
	maxLabel     = 1024
)

// The alphabets of a document's words.
var (
	docName       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$`)
	plainName     = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	namePattern   = regexp.MustCompile(`^[a-z0-9*][a-z0-9_*-]{0,62}$`)
	sourcePattern = regexp.MustCompile(`^[!-~]{1,512}$`)
	statusName    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	wholeTime     = regexp.MustCompile(`^([1-9][0-9]{0,3}h)?([1-9][0-9]{0,4}m)?([1-9][0-9]{0,5}s)?$`)
)

// Match says which slots a Component speaks of, or which sources a Source does.
// Its texts are patterns in which '*' stands for any characters, none and '/'
// included; one of each list has to match, and an empty list matches all.
type Match struct {
	Env, Region, Component []string // of a Component; Component is not empty
	Source                 []string // of a Source, and not empty
}

// Component says who is responsible for what runs in slots, and what hangs on
// it. The zero value of a field says nothing.
type Component struct {
	Name, Version string
	Match         Match

	Owner      string            // the team, as people know it
	Escalation string            // who is told when the owner does not answer
	Regions    []string          // where it is meant to run
	DependsOn  []string          // components that it needs, in the same environment and region
	Impact     string            // what it means to the business when it does not work
	Unit       string            // the part of the organisation that reports count it under
	Labels     map[string]string // nobody may write to it
}

// Naming says whether the words of a source name deployments or follow what is
// under way (DESIGN §3). The zero value leaves it to the words themselves.
type Naming string

// The ways of naming.
const (
	NamesLead   Naming = "lead"
	NamesFollow Naming = "follow"
)

// Source says what is known of a CloudEvents source. The zero value of a field
// says nothing.
type Source struct {
	Name, Version string
	Match         Match

	Owner         string        // who looks after the tool
	ExpectedEvery time.Duration // quiet for longer than this it is offline; 0: it may be quiet
	Contiguous    bool          // its sequence numbers have no gaps
	Authority     []string      // the statuses in which its word goes before that of others
	Names         Naming
}

// ParseComponent reads a Component strictly: an unknown key is a fault. The error
// is an [*Error] that holds everything that is wrong.
func ParseComponent(doc []byte) (*Component, error) {
	var r reader
	c := &Component{}
	r.document(r.root(doc), KindComponent, &c.Name, &c.Version, func(node ast.Node, key string) {
		r.mapping(node, key,
			field{"match", true, func(n ast.Node, k string) {
				r.mapping(n, k,
					field{"env", false, func(n ast.Node, k string) { c.Match.Env = r.namePatterns(n, k) }},
					field{"region", false, func(n ast.Node, k string) { c.Match.Region = r.namePatterns(n, k) }},
					field{"component", true, func(n ast.Node, k string) { c.Match.Component = r.namePatterns(n, k) }},
				)
			}},
			field{"owner", false, func(n ast.Node, k string) { c.Owner = r.text(n, k, 1, maxShort) }},
			field{"escalation", false, func(n ast.Node, k string) { c.Escalation = r.text(n, k, 1, maxShort) }},
			field{"regions", false, func(n ast.Node, k string) { c.Regions = r.words(n, k, maxRegions, "a region", plainName) }},
			field{"depends_on", false, func(n ast.Node, k string) { c.DependsOn = r.words(n, k, maxDepends, "a component", plainName) }},
			field{"impact", false, func(n ast.Node, k string) { c.Impact = r.text(n, k, 1, maxText) }},
			field{"unit", false, func(n ast.Node, k string) { c.Unit = r.text(n, k, 1, maxShort) }},
			field{"labels", false, func(n ast.Node, k string) { c.Labels = r.labels(n, k) }},
		)
	})
	if err := faulty(r.faults); err != nil {
		return nil, err
	}
	return c, nil
}

// ParseSource is [ParseComponent] for a Source.
func ParseSource(doc []byte) (*Source, error) {
	var r reader
	s := &Source{}
	r.document(r.root(doc), KindSource, &s.Name, &s.Version, func(node ast.Node, key string) {
		r.mapping(node, key,
			field{"match", true, func(n ast.Node, k string) {
				r.mapping(n, k, field{"source", true, func(n ast.Node, k string) {
					s.Match.Source = r.oneOrMore(n, k, maxPatterns, "a pattern of sources", sourcePattern)
				}})
			}},
			field{"owner", false, func(n ast.Node, k string) { s.Owner = r.text(n, k, 1, maxShort) }},
			field{"expected_every", false, func(n ast.Node, k string) { s.ExpectedEvery = r.duration(n, k) }},
			field{"contiguous", false, func(n ast.Node, k string) { s.Contiguous = r.boolean(n, k) }},
			field{"authority", false, func(n ast.Node, k string) { s.Authority = r.words(n, k, maxStatuses, "a status", statusName) }},
			field{"names", false, func(n ast.Node, k string) { s.Names = r.naming(n, k) }},
		)
	})
	if err := faulty(r.faults); err != nil {
		return nil, err
	}
	return s, nil
}

// document reads the envelope that all kinds share.
func (r *reader) document(node ast.Node, kind string, name, version *string, spec func(ast.Node, string)) {
	if node == nil {
		return
	}
	constant := func(want string) func(ast.Node, string) {
		return func(n ast.Node, k string) {
			before := len(r.faults)
			if got := r.text(n, k, 0, maxDocument); len(r.faults) == before && got != want {
				r.fault(start(n), k, "is not %s", want)
			}
		}
	}
	r.mapping(
		node, "",
		field{"apiVersion", true, constant(APIVersion)},
		field{"kind", true, constant(kind)},
		field{"metadata", true, func(n ast.Node, k string) {
			r.mapping(n, k,
				field{"name", true, func(n ast.Node, k string) { *name = r.word(n, k, "a name", docName) }},
				field{"version", true, func(n ast.Node, k string) { *version = r.text(n, k, 1, maxShort) }},
			)
		}},
		field{"spec", true, spec},
	)
}

func (r *reader) namePatterns(node ast.Node, key string) []string {
	return r.oneOrMore(node, key, maxPatterns, "a pattern of names", namePattern)
}

func (r *reader) duration(node ast.Node, key string) time.Duration {
	before := len(r.faults)
	text := r.text(node, key, 1, maxShort)
	if len(r.faults) > before {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || !wholeTime.MatchString(text) {
		r.fault(start(node), key, "is not a time such as 90s, 15m or 1h30m")
	}
	return d
}

func (r *reader) naming(node ast.Node, key string) Naming {
	before := len(r.faults)
	n := Naming(r.text(node, key, 0, maxDocument))
	if len(r.faults) == before && !slices.Contains([]Naming{NamesLead, NamesFollow}, n) {
		r.fault(start(node), key, "is neither lead nor follow")
	}
	return n
}
