package definition

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a document before it is parsed.
const (
	maxDocument = 64 << 10 // bytes: what fits into an event
	maxDepth    = 32       // brackets, or list entries on one line: the parser's cost is the square of their nesting
)

// reader walks the tree of a document. It goes on after a fault, so that all of
// them are told at once. What it returns is of use only if there are none.
type reader struct{ faults []Fault }

// field is a key that a mapping may have.
type field struct {
	name     string
	required bool
	read     func(node ast.Node, key string)
}

func (r *reader) fault(t *token.Token, key, format string, args ...any) {
	f := Fault{Key: key, Detail: fmt.Sprintf(format, args...)}
	if t != nil && t.Position != nil {
		f.Line, f.Column = t.Position.Line, t.Position.Column
	}
	r.faults = append(r.faults, f)
}

// root parses a document and returns its one value, nil after a fault.
func (r *reader) root(doc []byte) ast.Node {
	if len(doc) > maxDocument {
		r.fault(nil, "", "has %d bytes, the limit is %d", len(doc), maxDocument)
		return nil
	}
	tokens := lexer.Tokenize(string(doc))
	if t := tooDeep(tokens); t != nil {
		r.fault(t, "", "is nested deeper than %d", maxDepth)
		return nil
	}
	file, err := parser.Parse(tokens, 0)
	var at yaml.Error
	switch {
	case errors.As(err, &at):
		r.fault(at.GetToken(), "", "%s", at.GetMessage())
		return nil
	case err != nil:
		r.fault(nil, "", "is not YAML")
		return nil
	}
	var body ast.Node
	for _, d := range file.Docs {
		switch {
		case d.Body == nil:
		case body != nil:
			r.fault(start(d.Body), "", "a second document begins here")
		default:
			body = d.Body
		}
	}
	if body == nil && len(r.faults) == 0 {
		r.fault(nil, "", "is empty")
	}
	return body
}

// tooDeep returns the first token that is nested too deep, nil without one.
func tooDeep(tokens token.Tokens) *token.Token {
	brackets, list, line := 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType:
			if t.Position.Line != line {
				list, line = 0, t.Position.Line
			}
			list++
		}
		if brackets > maxDepth || list > maxDepth {
			return t
		}
	}
	return nil
}

// entries returns the keys of a mapping with their values, ok=false when node
// is none.
func entries(node ast.Node) (list []*ast.MappingValueNode, ok bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// mapping reads a mapping of known keys.
func (r *reader) mapping(node ast.Node, key string, fields ...field) {
	list, ok := entries(node)
	if !ok {
		r.fault(start(node), key, "is not a mapping")
		return
	}
	seen := make(map[string]bool, len(fields))
	for _, e := range list {
		name := e.Key.GetToken().Value
		known := false
		for _, f := range fields {
			if f.name == name {
				known = true
				f.read(e.Value, below(key, name))
			}
		}
		if !known {
			r.fault(e.Key.GetToken(), below(key, name), "there is no such key (there are %s)", names(fields))
		}
		seen[name] = true
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			r.fault(start(node), below(key, f.name), "is missing")
		}
	}
}

func below(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func names(fields []field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.name
	}
	return strings.Join(all, ", ")
}

// list reads a list of least to limit elements.
func (r *reader) list(node ast.Node, key string, least, limit int, element func(node ast.Node, key string)) {
	seq, ok := node.(*ast.SequenceNode)
	switch {
	case !ok:
		r.fault(start(node), key, "is not a list")
	case len(seq.Values) < least:
		r.fault(start(node), key, "has too few elements")
	case len(seq.Values) > limit:
		r.fault(start(node), key, "has %d elements, at most %d are allowed", len(seq.Values), limit)
	default:
		for i, v := range seq.Values {
			element(v, fmt.Sprintf("%s[%d]", key, i))
		}
	}
}

// text reads a text of least to limit bytes.
func (r *reader) text(node ast.Node, key string, least, limit int) string {
	var s string
	switch n := node.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.LiteralNode:
		s = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		r.fault(start(node), key, "is not text: put it in quotes")
		return ""
	default:
		r.fault(start(node), key, "is not text")
		return ""
	}
	if len(s) < least || len(s) > limit {
		r.fault(start(node), key, "is not %d to %d bytes long", least, limit)
	}
	return s
}

// word reads a text of an alphabet. what says which: "a region".
func (r *reader) word(node ast.Node, key, what string, alphabet *regexp.Regexp) string {
	before := len(r.faults)
	s := r.text(node, key, 0, maxDocument)
	if len(r.faults) == before && !alphabet.MatchString(s) {
		r.fault(start(node), key, "is not %s: %s", what, alphabet)
	}
	return s
}

// words reads a list of words.
func (r *reader) words(node ast.Node, key string, limit int, what string, alphabet *regexp.Regexp) []string {
	var all []string
	r.list(node, key, 0, limit, func(node ast.Node, key string) {
		all = append(all, r.word(node, key, what, alphabet))
	})
	return all
}

// oneOrMore reads a word, or a list of at least one.
func (r *reader) oneOrMore(node ast.Node, key string, limit int, what string, alphabet *regexp.Regexp) []string {
	if _, ok := node.(*ast.SequenceNode); !ok {
		return []string{r.word(node, key, what, alphabet)}
	}
	var all []string
	r.list(node, key, 1, limit, func(node ast.Node, key string) {
		all = append(all, r.word(node, key, what, alphabet))
	})
	return all
}

// labels reads a mapping of free names to texts.
func (r *reader) labels(node ast.Node, key string) map[string]string {
	list, ok := entries(node)
	switch {
	case !ok:
		r.fault(start(node), key, "is not a mapping")
		return nil
	case len(list) > maxLabels:
		r.fault(start(node), key, "has %d labels, at most %d are allowed", len(list), maxLabels)
		return nil
	}
	labels := make(map[string]string, len(list))
	for _, e := range list {
		name := e.Key.GetToken().Value
		if len(name) == 0 || len(name) > maxLabelName {
			r.fault(e.Key.GetToken(), key, "has a name that is not 1 to %d bytes long", maxLabelName)
			continue
		}
		labels[name] = r.text(e.Value, below(key, name), 0, maxLabel)
	}
	return labels
}

func (r *reader) boolean(node ast.Node, key string) bool {
	b, ok := node.(*ast.BoolNode)
	if !ok {
		r.fault(start(node), key, "is neither true nor false")
		return false
	}
	return b.Value
}

// start returns the token with which a node begins: a mapping's own is that of
// its first colon.
func start(node ast.Node) *token.Token {
	switch n := node.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return node.GetToken()
}
