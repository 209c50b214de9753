// Package schemas holds the JSON Schemas (draft 2020-12) of every event type
// and of the envelope, with one whole event as an example of each type.
//
// The schema of a type describes the data of its events and is named like it;
// cloudevent is the envelope, and common holds what the others refer to by
// relative "$ref". At the doors the known types are checked by Go code in
// pkg/events, which a test holds equal to these files; README.md lists what no
// schema can say.
//
// documents has the schema of each kind of document that can be put in force,
// and of the examples that lifecycles are tested by, with an example.
package schemas

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// FS holds the files: <name>.json, examples/<type>.json, and documents/<kind>
// with .json and .yaml.
//
//go:embed *.json examples/*.json documents
var FS embed.FS

// BaseURI is what the "$id" of every schema begins with; <name>.json follows.
const BaseURI = "https://telltale.dev/schemas/"

// Names returns the names of all schemas in lexical order: the event types,
// and cloudevent and common.
func Names() []string { return list(".") }

// Kinds returns the kinds of documents that have a schema, in lexical order. The
// schema of a kind is [Schema] of "documents/<kind>".
func Kinds() []string { return list("documents") }

// Document returns a document of the kind that shows every key. It fails,
// wrapping [fs.ErrNotExist], when there is none.
func Document(kind string) ([]byte, error) { return read("documents/" + kind + ".yaml") }

// Types returns the event types that have a schema, in lexical order.
func Types() []string { return list("examples") }

// Schema returns the schema of that name. It fails, wrapping [fs.ErrNotExist],
// when there is none.
func Schema(name string) ([]byte, error) { return read(name + ".json") }

// Example returns a whole event of the type; that of a type which may come in
// shows every member. It fails, wrapping [fs.ErrNotExist], when there is none.
func Example(typ string) ([]byte, error) { return read("examples/" + typ + ".json") }

func read(name string) ([]byte, error) {
	doc, err := FS.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("schemas: %w", err)
	}
	return doc, nil
}

func list(dir string) []string {
	entries, err := fs.ReadDir(FS, dir)
	if err != nil {
		return nil // cannot be: both directories are embedded
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			names = append(names, name)
		}
	}
	return names
}
