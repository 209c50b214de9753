package statemachine

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/telltale-dev/telltale/internal/expr"
)

// Fault is one thing wrong with a document, and where: line and column count
// from 1.
type Fault struct {
	Line, Column int
	Message      string
}

// Faults is all that is wrong with one document, by place. It is the error of
// [Parse] and [Compile].
type Faults []Fault

// Error lists the faults, one to a line, as "line:column: message", so that a
// file's name and a colon in front lead an editor there.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, x := range f {
		lines[i] = fmt.Sprintf("%d:%d: %s", x.Line, x.Column, x.Message)
	}
	return strings.Join(lines, "\n")
}

func (f Faults) sort() {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// places says where the value of each path ("spec.states[2].rank") stands.
type places map[string]ast.Node

// fault puts a message where the value of a path stands, or what it would be
// part of.
func (p places) fault(path, message string) Fault {
	for {
		if node, ok := p[path]; ok {
			at := node.GetToken().Position
			return Fault{at.Line, at.Column, message}
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return Fault{1, 1, message}
		}
		path = path[:cut]
	}
}

// within puts the fault of an expression where it stands in the document. Of a
// text that YAML folded, only the start is known.
func (p places) within(path string, f expr.Fault) Fault {
	out := p.fault(path, f.Message)
	switch node := p[path].(type) {
	case *ast.StringNode:
		if f.Line == 1 && !strings.Contains(node.Token.Origin, "\n") {
			out.Column += f.Column - 1
			if node.Token.Type == token.SingleQuoteType || node.Token.Type == token.DoubleQuoteType {
				out.Column++
			}
		}
	case *ast.LiteralNode:
		if node.Start.Type == token.LiteralType {
			origin := strings.TrimLeft(node.Value.Token.Origin, "\n")
			out.Line = node.Start.Position.Line + f.Line
			out.Column = len(origin) - len(strings.TrimLeft(origin, " ")) + f.Column
		}
	}
	return out
}

// decode reads YAML into the struct that v points to, and notes where each
// value stands.
func decode(doc []byte, v any, at places) Faults {
	if len(doc) > maxDocument {
		return Faults{{1, 1, fmt.Sprintf("the document has %d bytes, the limit is %d", len(doc), maxDocument)}}
	}
	file, err := parser.ParseBytes(doc, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		fault := Fault{1, 1, err.Error()}
		var located yaml.Error
		if errors.As(err, &located) {
			fault.Message = located.GetMessage()
			if t := located.GetToken(); t != nil {
				fault.Line, fault.Column = t.Position.Line, t.Position.Column
			}
		}
		return Faults{fault}
	}
	docs := slices.DeleteFunc(file.Docs, func(d *ast.DocumentNode) bool { return d.Body == nil })
	if len(docs) != 1 {
		return Faults{{1, 1, fmt.Sprintf("%d documents, wanted one", len(docs))}}
	}
	d := decoder{at: at}
	d.value(docs[0].Body, reflect.ValueOf(v).Elem(), "")
	d.faults.sort()
	return d.faults
}

type decoder struct {
	at     places
	faults Faults
}

func (d *decoder) fault(node ast.Node, format string, args ...any) {
	at := node.GetToken().Position
	d.faults = append(d.faults, Fault{at.Line, at.Column, fmt.Sprintf(format, args...)})
}

// value reads one node. The types of a document are few: structs, lists, maps
// by text, texts, small numbers, booleans, and what reads itself from a text.
func (d *decoder) value(node ast.Node, v reflect.Value, path string) {
	d.at[path] = node
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if text, ok := d.text(node); ok {
			if err := u.UnmarshalText([]byte(text)); err != nil {
				d.fault(node, "%v", err)
			}
		}
		return
	}
	if _, single := node.(*ast.StringNode); single && v.Type() == reflect.TypeFor[Patterns]() {
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		d.value(node, v.Index(0), path+"[0]")
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.record(node, v, path)
	case reflect.Slice:
		list, ok := node.(*ast.SequenceNode)
		if !ok {
			d.fault(node, "wanted a list")
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list.Values), len(list.Values)))
		for i, n := range list.Values {
			d.value(n, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		anything := func(string) bool { return true }
		d.entries(node, path, anything, func(key string, entry ast.Node, path string) {
			element := reflect.New(v.Type().Elem()).Elem()
			d.value(entry, element, path)
			v.SetMapIndex(reflect.ValueOf(key), element)
		})
	case reflect.Bool:
		b, ok := node.(*ast.BoolNode)
		if !ok {
			d.fault(node, "wanted true or false")
			return
		}
		v.SetBool(b.Value)
	case reflect.Uint8:
		n, ok := node.(*ast.IntegerNode)
		number, small := uint64(0), false
		if ok {
			number, small = n.Value.(uint64)
		}
		if !small || number > 255 {
			d.fault(node, "wanted a number from 0 to 255")
			return
		}
		v.SetUint(number)
	default: // a string: the document's structs have nothing else
		if text, ok := d.text(node); ok {
			v.SetString(text)
		}
	}
}

// record reads a struct. One that has a field tagged "short" may be written as
// that field's text alone.
func (d *decoder) record(node ast.Node, v reflect.Value, path string) {
	fields := make(map[string]reflect.Value, v.NumField())
	for i := range v.NumField() {
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if _, plain := node.(*ast.StringNode); plain && option == "short" {
			d.value(node, v.Field(i), path)
			return
		}
		if name != "" {
			fields[name] = v.Field(i)
		}
	}
	known := func(key string) bool { _, ok := fields[key]; return ok }
	d.entries(node, path, known, func(key string, entry ast.Node, path string) {
		d.value(entry, fields[key], path)
	})
}

// entries visits the entries of a mapping. A key that is not known, or is not
// the first of its name, is a fault and not visited.
func (d *decoder) entries(node ast.Node, path string, known func(string) bool, visit func(key string, entry ast.Node, path string)) {
	mapping, ok := node.(*ast.MappingNode)
	if !ok {
		d.fault(node, "wanted keys and values")
		return
	}
	seen := make(map[string]bool, len(mapping.Values))
	for _, entry := range mapping.Values {
		name, text := entry.Key.(*ast.StringNode)
		switch {
		case !text:
			d.fault(entry.Key, "the key is not a text")
		case !known(name.Value):
			d.fault(entry.Key, "there is no key %q here", name.Value)
		case seen[name.Value]:
			d.fault(entry.Key, "the key %q is written twice", name.Value)
		default:
			seen[name.Value] = true
			visit(name.Value, entry.Value, strings.TrimPrefix(path+"."+name.Value, "."))
		}
	}
}

// text reads a scalar that YAML itself takes for a text: 1 is a number, "1" is
// a text.
func (d *decoder) text(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	d.fault(node, "wanted a text")
	return "", false
}
