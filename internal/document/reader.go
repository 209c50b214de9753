package document

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

// MaxBytes is the longest document, in bytes: what fits into an event.
const MaxBytes = 64 << 10

// Bounds of a document and of what is in it, in bytes and elements. The JSON
// Schemas in schemas/documents give the same figures; where they count
// characters, they are the wider ones.
const (
	maxDepth     = 32 // brackets, or list entries on one line: the parser's cost is the square of their nesting
	maxShort     = 256
	maxLabels    = 64
	maxLabelName = 128
	maxLabel     = 1024
)

// Reader walks the tree of a document. It goes on after a fault, so that all of
// them are told at once. What it returns is of use only if there are none. The
// zero value is ready to read one document.
type Reader struct{ Faults []Fault }

// Field is a key that a mapping may have.
type Field struct {
	Name     string
	Required bool
	Read     func(node ast.Node, key string)
}

// Required is a key that has to be there.
func Required(name string, read func(node ast.Node, key string)) Field {
	return Field{Name: name, Required: true, Read: read}
}

// Optional is a key that may be left out.
func Optional(name string, read func(node ast.Node, key string)) Field {
	return Field{Name: name, Read: read}
}

// Fault adds a fault at a token; nil: of the document as a whole.
func (r *Reader) Fault(t *token.Token, key, format string, args ...any) {
	f := Fault{Key: key, Detail: fmt.Sprintf(format, args...)}
	if t != nil && t.Position != nil {
		f.Line, f.Column = t.Position.Line, t.Position.Column
	}
	r.Faults = append(r.Faults, f)
}

// Root parses a document and returns its one value, nil after a fault.
func (r *Reader) Root(doc []byte) ast.Node {
	if len(doc) > MaxBytes {
		r.Fault(nil, "", "has %d bytes, the limit is %d", len(doc), MaxBytes)
		return nil
	}
	tokens := lexer.Tokenize(string(doc))
	if t := tooDeep(tokens); t != nil {
		r.Fault(t, "", "is nested deeper than %d", maxDepth)
		return nil
	}
	file, err := parser.Parse(tokens, 0)
	var at yaml.Error
	switch {
	case errors.As(err, &at):
		r.Fault(at.GetToken(), "", "%s", at.GetMessage())
		return nil
	case err != nil:
		r.Fault(nil, "", "is not YAML")
		return nil
	}
	var body ast.Node
	for _, d := range file.Docs {
		switch {
		case d.Body == nil:
		case body != nil:
			r.Fault(Start(d.Body), "", "a second document begins here")
		default:
			body = d.Body
		}
	}
	if body == nil && len(r.Faults) == 0 {
		r.Fault(nil, "", "is empty")
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

// Entries returns the keys of a mapping with their values, ok=false when node
// is none.
func Entries(node ast.Node) (list []*ast.MappingValueNode, ok bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// Mapping reads a mapping of known keys.
func (r *Reader) Mapping(node ast.Node, key string, fields ...Field) {
	list, ok := Entries(node)
	if !ok {
		r.Fault(Start(node), key, "is not a mapping")
		return
	}
	seen := make(map[string]bool, len(fields))
	for _, e := range list {
		name := e.Key.GetToken().Value
		known := false
		for _, f := range fields {
			if f.Name == name {
				known = true
				f.Read(e.Value, Below(key, name))
			}
		}
		if !known {
			r.Fault(e.Key.GetToken(), Below(key, name), "there is no such key (there are %s)", names(fields))
		}
		seen[name] = true
	}
	for _, f := range fields {
		if f.Required && !seen[f.Name] {
			r.Fault(Start(node), Below(key, f.Name), "is missing")
		}
	}
}

// Below returns the key of what stands under a name.
func Below(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func names(fields []Field) string {
	all := make([]string, len(fields))
	for i, f := range fields {
		all[i] = f.Name
	}
	return strings.Join(all, ", ")
}

// List reads a list of least to limit elements.
func (r *Reader) List(node ast.Node, key string, least, limit int, element func(node ast.Node, key string)) {
	seq, ok := node.(*ast.SequenceNode)
	switch {
	case !ok:
		r.Fault(Start(node), key, "is not a list")
	case len(seq.Values) < least:
		r.Fault(Start(node), key, "has too few elements")
	case len(seq.Values) > limit:
		r.Fault(Start(node), key, "has %d elements, at most %d are allowed", len(seq.Values), limit)
	default:
		for i, v := range seq.Values {
			element(v, fmt.Sprintf("%s[%d]", key, i))
		}
	}
}

// Text reads a text of least to limit bytes.
func (r *Reader) Text(node ast.Node, key string, least, limit int) string {
	var s string
	switch n := node.(type) {
	case *ast.StringNode:
		s = n.Value
	case *ast.LiteralNode:
		s = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		r.Fault(Start(node), key, "is not text: put it in quotes")
		return ""
	default:
		r.Fault(Start(node), key, "is not text")
		return ""
	}
	if len(s) < least || len(s) > limit {
		r.Fault(Start(node), key, "is not %d to %d bytes long", least, limit)
	}
	return s
}

// Word reads a text of an alphabet. what says which: "a region".
func (r *Reader) Word(node ast.Node, key, what string, alphabet *regexp.Regexp) string {
	before := len(r.Faults)
	s := r.Text(node, key, 0, MaxBytes)
	if len(r.Faults) == before && !alphabet.MatchString(s) {
		r.Fault(Start(node), key, "is not %s: %s", what, alphabet)
	}
	return s
}

// Words reads a list of words.
func (r *Reader) Words(node ast.Node, key string, limit int, what string, alphabet *regexp.Regexp) []string {
	var all []string
	r.List(node, key, 0, limit, func(node ast.Node, key string) {
		all = append(all, r.Word(node, key, what, alphabet))
	})
	return all
}

// OneOrMore reads a word, or a list of at least one.
func (r *Reader) OneOrMore(node ast.Node, key string, limit int, what string, alphabet *regexp.Regexp) []string {
	if _, ok := node.(*ast.SequenceNode); !ok {
		return []string{r.Word(node, key, what, alphabet)}
	}
	var all []string
	r.List(node, key, 1, limit, func(node ast.Node, key string) {
		all = append(all, r.Word(node, key, what, alphabet))
	})
	return all
}

// Labels reads a mapping of free names to texts.
func (r *Reader) Labels(node ast.Node, key string) map[string]string {
	list, ok := Entries(node)
	switch {
	case !ok:
		r.Fault(Start(node), key, "is not a mapping")
		return nil
	case len(list) > maxLabels:
		r.Fault(Start(node), key, "has %d labels, at most %d are allowed", len(list), maxLabels)
		return nil
	}
	labels := make(map[string]string, len(list))
	for _, e := range list {
		name := e.Key.GetToken().Value
		if len(name) == 0 || len(name) > maxLabelName {
			r.Fault(e.Key.GetToken(), key, "has a name that is not 1 to %d bytes long", maxLabelName)
			continue
		}
		labels[name] = r.Text(e.Value, Below(key, name), 0, maxLabel)
	}
	return labels
}

// Boolean reads true or false.
func (r *Reader) Boolean(node ast.Node, key string) bool {
	b, ok := node.(*ast.BoolNode)
	if !ok {
		r.Fault(Start(node), key, "is neither true nor false")
		return false
	}
	return b.Value
}

// Start returns the token with which a node begins: a mapping's own is that of
// its first colon.
func Start(node ast.Node) *token.Token {
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
