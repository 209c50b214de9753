package definition

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/telltale-dev/telltale/internal/document"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// Read returns what a document says of itself, and nothing of whether the rest
// of it can be used. It fails with an [*Error] on what has no kind, name or
// version.
func Read(doc []byte) (kind, name, version string, err error) {
	var r document.Reader
	kind, name, version = readIdentity(&r, r.Root(doc))
	return kind, name, version, r.Err()
}

// readIdentity reads kind, name and version of a document of any kind. Numbers are
// taken as they are written: whether they may stand there is for the kind to
// say.
func readIdentity(r *document.Reader, node ast.Node) (kind, name, version string) {
	if node == nil {
		return "", "", ""
	}
	top, ok := document.Entries(node)
	if !ok {
		r.Fault(document.Start(node), "", "is not a mapping")
		return "", "", ""
	}
	kind = scalar(r, node, top, "kind", "kind")
	for _, e := range top {
		if e.Key.GetToken().Value != "metadata" {
			continue
		}
		meta, ok := document.Entries(e.Value)
		if !ok {
			r.Fault(document.Start(e.Value), "metadata", "is not a mapping")
			return kind, "", ""
		}
		return kind, scalar(r, e.Value, meta, "metadata.name", "name"), scalar(r, e.Value, meta, "metadata.version", "version")
	}
	r.Fault(document.Start(node), "metadata", "is missing")
	return kind, "", ""
}

// scalar returns one value of a mapping as it is written.
func scalar(r *document.Reader, node ast.Node, list []*ast.MappingValueNode, key, name string) string {
	for _, e := range list {
		if e.Key.GetToken().Value != name {
			continue
		}
		switch n := e.Value.(type) {
		case *ast.StringNode:
			if n.Value != "" {
				return n.Value
			}
		case *ast.IntegerNode, *ast.FloatNode:
			return n.GetToken().Value
		}
		r.Fault(document.Start(e.Value), key, "is not a text")
		return ""
	}
	r.Fault(document.Start(node), key, "is missing")
	return ""
}

// Check reports everything that keeps a document from being put in force, as an
// [*Error], whatever its kind; nil when nothing does.
func Check(doc []byte) error {
	var r document.Reader
	root := r.Root(doc)
	kind, _, _ := readIdentity(&r, root)
	if len(r.Faults) > 0 {
		return r.Err()
	}
	switch kind {
	case KindLifecycle:
		_, err := statemachine.Compile(doc)
		return ofLifecycle(err)
	case KindComponent:
		_, err := ParseComponent(doc)
		return err
	case KindSource:
		_, err := ParseSource(doc)
		return err
	case KindMapping:
		r.Fault(kindToken(root), "kind", "a Mapping is put in force by the configuration, not by an event; Lifecycle, Component and Source are")
	default:
		r.Fault(kindToken(root), "kind", "is none of Lifecycle, Component, Source")
	}
	return r.Err()
}

// Document is one document of a file that can be put in force.
type Document struct {
	Kind, Name, Version string
	Text                []byte // the document alone, without the lines "---" around it
	File                string // where it stood
	Line                int    // of the file, on which Text begins
}

// ReadFiles takes files of one or more documents each apart and checks every one.
// The error is an [*Error] with the places in the files; then no document is
// returned. A file without a document is a fault, and so are two documents of one
// kind and name.
func ReadFiles(files ...File) ([]Document, error) {
	var docs []Document
	var faults []Fault
	first := make(map[string]*Document) // by kind and name
	for _, f := range files {
		parts := split(f.Text)
		if len(parts) == 0 {
			faults = append(faults, Fault{File: f.Name, Detail: "holds no document"})
		}
		for i := range parts {
			d := &parts[i]
			d.File = f.Name
			if err := d.read(); err != nil {
				faults = append(faults, d.inFile(err)...)
				continue
			}
			identity := d.Kind + " " + d.Name
			if other := first[identity]; other != nil {
				faults = append(faults, Fault{
					File: f.Name, Line: d.Line, Column: 1, Key: "metadata.name",
					Detail: fmt.Sprintf("this %s stands in %s on line %d as well", d.Kind, other.File, other.Line),
				})
				continue
			}
			first[identity] = d
			docs = append(docs, *d)
		}
	}
	if len(faults) > 0 {
		return nil, &Error{Faults: faults}
	}
	return docs, nil
}

// File is a file of documents.
type File struct {
	Name string // as people know it
	Text []byte
}

func (d *Document) read() (err error) {
	if d.Kind, d.Name, d.Version, err = Read(d.Text); err != nil {
		return err
	}
	return Check(d.Text)
}

// inFile returns the faults of a document as those of its file.
func (d *Document) inFile(err error) []Fault {
	all := document.FaultsOf(err)
	for i := range all {
		f := &all[i]
		f.File = d.File
		if f.Line > 0 {
			f.Line += d.Line - 1
		} else {
			f.Line, f.Column = d.Line, 1
		}
	}
	return all
}

// split cuts a file at the lines "---", which YAML knows nowhere else at the
// beginning of a line, not even inside a text. Parts without content are left
// out.
func split(file []byte) []Document {
	var parts []Document
	part, first := []byte{}, 1
	end := func() {
		for line := range bytes.Lines(part) {
			if text := strings.TrimSpace(string(line)); text != "" && text[0] != '#' {
				parts = append(parts, Document{Text: part, Line: first})
				return
			}
		}
	}
	number := 0
	for line := range bytes.Lines(file) {
		number++
		rest, marker := bytes.CutPrefix(line, []byte("---"))
		if rest = bytes.TrimSpace(rest); !marker || len(rest) > 0 && rest[0] != '#' {
			part = append(part, line...)
			continue
		}
		end()
		part, first = []byte{}, number+1
	}
	end()
	return parts
}

// kindToken, of a document whose kind was read, is where that stands.
func kindToken(root ast.Node) *token.Token {
	list, _ := document.Entries(root)
	for _, e := range list {
		if e.Key.GetToken().Value == "kind" {
			return document.Start(e.Value)
		}
	}
	return nil
}
