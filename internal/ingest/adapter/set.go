package adapter

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

//go:embed *.yaml
var documents embed.FS

// Set is the mappings of an installation. It is immutable.
type Set struct{ byName map[string]*Mapping }

// Embedded returns the mappings that come with the program, one for each tool.
// It fails only on a program that was built from faulty documents.
func Embedded() (*Set, error) {
	files, err := fs.Glob(documents, "*.yaml")
	if err != nil {
		return nil, err
	}
	s := &Set{byName: make(map[string]*Mapping, len(files))}
	for _, file := range files {
		doc, err := documents.ReadFile(file)
		if err != nil {
			return nil, err
		}
		m, err := Read(file, doc)
		if err != nil {
			return nil, err
		}
		if m.Name != strings.TrimSuffix(file, ".yaml") {
			return nil, fmt.Errorf("%s: is the mapping of %s", file, m.Name)
		}
		s.byName[m.Name] = m
	}
	return s, nil
}

// With returns a set in which more mappings stand, in the place of those of the
// same name.
func (s *Set) With(more ...*Mapping) *Set {
	all := maps.Clone(s.byName)
	for _, m := range more {
		all[m.Name] = m
	}
	return &Set{byName: all}
}

// Tool returns the mapping of a tool.
func (s *Set) Tool(name string) (*Mapping, bool) {
	m, ok := s.byName[name]
	return m, ok
}

// All returns the mappings by name.
func (s *Set) All() []*Mapping {
	return slices.SortedFunc(maps.Values(s.byName), func(a, b *Mapping) int { return strings.Compare(a.Name, b.Name) })
}
