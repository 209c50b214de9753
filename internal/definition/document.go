package definition

import (
	"regexp"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/telltale-dev/telltale/internal/document"
)

// APIVersion is the only one there is, of every kind.
const APIVersion = document.APIVersion

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
	maxShort    = 256
	maxText     = 8192
	maxPatterns = 64
	maxRegions  = 256
	maxDepends  = 64
	maxStatuses = 64
)

// The alphabets of a document's words.
var (
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
	var r document.Reader
	c := &Component{}
	r.Document(r.Root(doc), KindComponent, &c.Name, &c.Version, func(node ast.Node, key string) {
		r.Mapping(node, key,
			document.Required("match", func(n ast.Node, k string) {
				r.Mapping(n, k,
					document.Optional("env", func(n ast.Node, k string) { c.Match.Env = namePatterns(&r, n, k) }),
					document.Optional("region", func(n ast.Node, k string) { c.Match.Region = namePatterns(&r, n, k) }),
					document.Required("component", func(n ast.Node, k string) { c.Match.Component = namePatterns(&r, n, k) }),
				)
			}),
			document.Optional("owner", func(n ast.Node, k string) { c.Owner = r.Text(n, k, 1, maxShort) }),
			document.Optional("escalation", func(n ast.Node, k string) { c.Escalation = r.Text(n, k, 1, maxShort) }),
			document.Optional("regions", func(n ast.Node, k string) { c.Regions = r.Words(n, k, maxRegions, "a region", plainName) }),
			document.Optional("depends_on", func(n ast.Node, k string) { c.DependsOn = r.Words(n, k, maxDepends, "a component", plainName) }),
			document.Optional("impact", func(n ast.Node, k string) { c.Impact = r.Text(n, k, 1, maxText) }),
			document.Optional("unit", func(n ast.Node, k string) { c.Unit = r.Text(n, k, 1, maxShort) }),
			document.Optional("labels", func(n ast.Node, k string) { c.Labels = r.Labels(n, k) }),
		)
	})
	if err := r.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// ParseSource is [ParseComponent] for a Source.
func ParseSource(doc []byte) (*Source, error) {
	var r document.Reader
	s := &Source{}
	r.Document(r.Root(doc), KindSource, &s.Name, &s.Version, func(node ast.Node, key string) {
		r.Mapping(node, key,
			document.Required("match", func(n ast.Node, k string) {
				r.Mapping(n, k, document.Required("source", func(n ast.Node, k string) {
					s.Match.Source = r.OneOrMore(n, k, maxPatterns, "a pattern of sources", sourcePattern)
				}))
			}),
			document.Optional("owner", func(n ast.Node, k string) { s.Owner = r.Text(n, k, 1, maxShort) }),
			document.Optional("expected_every", func(n ast.Node, k string) { s.ExpectedEvery = duration(&r, n, k) }),
			document.Optional("contiguous", func(n ast.Node, k string) { s.Contiguous = r.Boolean(n, k) }),
			document.Optional("authority", func(n ast.Node, k string) { s.Authority = r.Words(n, k, maxStatuses, "a status", statusName) }),
			document.Optional("names", func(n ast.Node, k string) { s.Names = naming(&r, n, k) }),
		)
	})
	if err := r.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

func namePatterns(r *document.Reader, node ast.Node, key string) []string {
	return r.OneOrMore(node, key, maxPatterns, "a pattern of names", namePattern)
}

func duration(r *document.Reader, node ast.Node, key string) time.Duration {
	before := len(r.Faults)
	text := r.Text(node, key, 1, maxShort)
	if len(r.Faults) > before {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil || !wholeTime.MatchString(text) {
		r.Fault(document.Start(node), key, "is not a time such as 90s, 15m or 1h30m")
	}
	return d
}

func naming(r *document.Reader, node ast.Node, key string) Naming {
	before := len(r.Faults)
	n := Naming(r.Text(node, key, 0, document.MaxBytes))
	if len(r.Faults) == before && !slices.Contains([]Naming{NamesLead, NamesFollow}, n) {
		r.Fault(document.Start(node), key, "is neither lead nor follow")
	}
	return n
}
