package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFileBytes bounds the configuration file: a person wrote it.
const maxFileBytes = 1 << 20

// file lays the values of a YAML file over those that stand.
func (l *loader) file(name string) {
	raw, err := os.ReadFile(name)
	if err != nil {
		l.faults = append(l.faults, Fault{Detail: "cannot read the configuration: " + err.Error(), Hint: "see --config"})
		return
	}
	if len(raw) > maxFileBytes {
		l.fault(name, "", fmt.Errorf("is longer than %d bytes", maxFileBytes))
		return
	}
	parsed, err := parser.ParseBytes(raw, 0)
	if err != nil {
		l.fault(name, "", err)
		var at yaml.Error
		if errors.As(err, &at) {
			last := &l.faults[len(l.faults)-1]
			last.Where, last.Detail = position(name, at.GetToken()), at.GetMessage()
		}
		return
	}
	f := fileReader{loader: l, name: name}
	for i, doc := range parsed.Docs {
		switch {
		case doc.Body == nil:
		case i > 0:
			f.fault(position(name, start(doc.Body)), "", errors.New("a second document: one file holds one configuration"))
		default:
			f.section(l.root, "", doc.Body)
		}
	}
}

// fileReader walks the tree of a file beside the fields of the Config. It goes
// on after a fault, so that all of them are reported.
type fileReader struct {
	*loader

	name string
}

func (f *fileReader) section(v reflect.Value, key string, node ast.Node) {
	var entries []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	case *ast.NullNode: // a section with all its keys commented out
	default:
		f.wrong(key, node, "holds keys, not a value")
	}
	for _, entry := range entries {
		name := entry.Key.GetToken().Value
		path := name
		if key != "" {
			path = key + "." + name
		}
		field, ok := child(v, name)
		if !ok {
			where := position(f.name, entry.Key.GetToken())
			f.faults = append(f.faults, Fault{Where: where, Key: path, Detail: "there is no such key", Hint: "there are " + names(v)})
			continue
		}
		f.value(field, path, entry.Value)
	}
}

func (f *fileReader) value(v reflect.Value, key string, node ast.Node) {
	f.origins[key] = position(f.name, start(node))
	if isSection(v) {
		f.section(v, key, node)
		return
	}
	if v.Kind() != reflect.Slice {
		f.scalar(v, key, node)
		return
	}
	seq, ok := node.(*ast.SequenceNode)
	if !ok {
		f.wrong(key, node, "is a list")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		f.value(list.Index(i), fmt.Sprintf("%s[%d]", key, i), item)
	}
	v.Set(list)
}

func (f *fileReader) scalar(v reflect.Value, key string, node ast.Node) {
	var text string
	switch n := node.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.IntegerNode, *ast.BoolNode, *ast.FloatNode:
		text = n.GetToken().Value
	case *ast.NullNode:
		return // "key:" without a value leaves the default
	default:
		f.wrong(key, node, "is one value")
		return
	}
	if err := parse(v, text); err != nil {
		f.fault(f.origins[key], key, err)
	}
}

func (f *fileReader) wrong(key string, node ast.Node, what string) {
	f.fault(position(f.name, start(node)), key, errors.New(what))
}

// start returns the token with which a node begins: a mapping's own is that of
// its first colon.
func start(node ast.Node) *token.Token {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return node.GetToken()
}

func position(name string, t *token.Token) string {
	if t == nil || t.Position == nil {
		return name
	}
	return fmt.Sprintf("%s:%d:%d", name, t.Position.Line, t.Position.Column)
}

// names lists the keys of a section for a hint.
func names(section reflect.Value) string {
	var list []string
	for key := range keys(section, "") {
		list = append(list, key)
	}
	return strings.Join(list, ", ")
}
