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
	f := fileReader{loader: l, name: name}
	f.document(raw)
}

// document lays the values of the one document of a file over those that stand.
func (f *fileReader) document(raw []byte) {
	l, name := f.loader, f.name
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

	name    string
	foreign bool    // the file is an Alertmanager's: what it has too many is no fault
	unused  []Fault // that, of a foreign file
}

func (f *fileReader) section(v reflect.Value, key string, node ast.Node) {
	list, ok := entries(node)
	if !ok {
		f.wrong(key, node, "holds keys, not a value")
	}
	for _, entry := range list {
		name := entry.Key.GetToken().Value
		path := name
		if key != "" {
			path = key + "." + name
		}
		field, ok := f.child(v, name)
		if !ok {
			fault := Fault{Where: position(f.name, entry.Key.GetToken()), Key: path}
			if fault.Detail, fault.Hint = noSuchKey(v, name); f.foreign {
				f.unused = append(f.unused, fault)
			} else {
				f.faults = append(f.faults, fault)
			}
			continue
		}
		f.value(field, path, entry.Value)
	}
}

// child returns the field that holds the value of a name of the file's.
func (f *fileReader) child(section reflect.Value, name string) (reflect.Value, bool) {
	if f.foreign {
		name = ourName(section.Type(), name)
	}
	return child(section, name)
}

// entries returns those of a mapping, none of an empty value: that is a section
// with all its keys commented out.
func entries(node ast.Node) (list []*ast.MappingValueNode, ok bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	case *ast.NullNode:
		return nil, true
	default:
		return nil, false
	}
}

func (f *fileReader) value(v reflect.Value, key string, node ast.Node) {
	f.origins[key] = position(f.name, start(node))
	if isSection(v) {
		f.section(v, key, node)
		return
	}
	if v.Kind() == reflect.Map {
		f.texts(v, key, node)
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
	if f.foreign { // two keys may have become one
		list = reflect.AppendSlice(v, list)
	}
	v.Set(list)
}

// texts reads a mapping from names of the user's own to texts.
func (f *fileReader) texts(v reflect.Value, key string, node ast.Node) {
	list, ok := entries(node)
	if !ok {
		f.wrong(key, node, "holds names with their values")
		return
	}
	all := reflect.MakeMapWithSize(v.Type(), len(list))
	for _, entry := range list {
		text := reflect.New(v.Type().Elem()).Elem()
		name, unused := entry.Key.GetToken().Value, len(f.unused)
		if f.value(text, key+"."+name, entry.Value); len(f.unused) == unused {
			all.SetMapIndex(reflect.ValueOf(name), text)
		}
	}
	v.Set(all)
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

// wrong notes a value of another kind than its key has. What a foreign file says
// of a receiver is only not used then.
func (f *fileReader) wrong(key string, node ast.Node, what string) {
	where := position(f.name, start(node))
	if f.foreign && strings.HasPrefix(key, "receivers[") {
		f.unused = append(f.unused, Fault{Where: where, Key: key, Detail: what})
		return
	}
	f.fault(where, key, errors.New(what))
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
