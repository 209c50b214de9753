package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// file is one Go file of the module.
type file struct {
	name string // relative to the root, with slashes
	src  []byte
	fset *token.FileSet
	ast  *ast.File
}

func (f *file) room() string { return path.Dir(f.name) }
func (f *file) isTest() bool { return strings.HasSuffix(f.name, "_test.go") }

func (f *file) at(n ast.Node) token.Position { return f.fset.Position(n.Pos()) }

// imports returns the import paths of the file, each with where it stands.
func (f *file) imports(t *testing.T) map[string]*ast.ImportSpec {
	t.Helper()
	imports := make(map[string]*ast.ImportSpec, len(f.ast.Imports))
	for _, spec := range f.ast.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatalf("%s: %v", f.at(spec), err)
		}
		imports[name] = spec
	}
	return imports
}

// goFiles parses every Go file of the module.
func goFiles(t *testing.T) []*file {
	t.Helper()
	var files []*file
	for _, name := range sourceFiles(t, ".go") {
		f := &file{name: name, src: read(t, name), fset: token.NewFileSet()}
		var err error
		if f.ast, err = parser.ParseFile(f.fset, name, f.src, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// TestRooms holds the imports between rooms to their rows, in both directions,
// and the rows to their order.
func TestRooms(t *testing.T) {
	row := make(map[string][]string, len(rooms))
	for _, r := range rooms {
		for _, other := range r.imports {
			if _, above := row[other]; !above {
				t.Errorf("rooms lets %s import %s, which does not stand above it", r.name, other)
			}
		}
		row[r.name] = r.imports
	}
	used := make(map[string]map[string]bool) // room → rooms it imports
	for _, f := range goFiles(t) {
		room := f.room()
		if used[room] == nil {
			used[room] = make(map[string]bool)
			if _, ok := row[room]; !ok {
				t.Errorf("%s has no row in rooms", room)
			}
		}
		if f.isTest() {
			continue
		}
		for imp, spec := range f.imports(t) {
			other, own := strings.CutPrefix(imp, module+"/")
			if !own {
				checkLight(t, f, imp, spec)
				continue
			}
			used[room][other] = true
			if !slices.Contains(row[room], other) {
				t.Errorf("%s: %s may not import %s", f.at(spec), room, other)
			}
			if slices.Contains(testOnly, other) && !slices.Contains(testOnly, room) {
				t.Errorf("%s: only tests may import %s", f.at(spec), other)
			}
		}
	}
	for room, others := range row {
		if used[room] == nil {
			t.Errorf("rooms names %s, which does not exist", room)
			continue
		}
		for _, other := range others {
			if !used[room][other] {
				t.Errorf("rooms lets %s import %s, which it does not: drop it", room, other)
			}
		}
	}
}

// checkLight holds a room that others build in to the modules it may bring.
func checkLight(t *testing.T, f *file, imp string, spec *ast.ImportSpec) {
	t.Helper()
	modules, ok := light[f.room()]
	if first, _, _ := strings.Cut(imp, "/"); !ok || !strings.Contains(first, ".") {
		return // of the standard library, or of a room that is not light
	}
	if !slices.ContainsFunc(modules, func(m string) bool { return strings.HasPrefix(imp, m) }) {
		t.Errorf("%s: %s is built into other programs and may only bring %v, not %s", f.at(spec), f.room(), modules, imp)
	}
}

// TestOwners holds dependencies to the rooms that own them.
func TestOwners(t *testing.T) {
	used := make(map[string]bool)
	for _, f := range goFiles(t) {
		for imp, spec := range f.imports(t) {
			for dep, rooms := range owners {
				if imp != dep && !strings.HasPrefix(imp, dep) {
					continue
				}
				used[dep] = true
				if !f.isTest() && !slices.Contains(rooms, f.room()) {
					t.Errorf("%s: only %v and tests may import %s", f.at(spec), rooms, imp)
				}
			}
		}
	}
	for dep := range owners {
		if !used[dep] {
			t.Errorf("owners names %s, which nothing imports", dep)
		}
	}
}

// TestPurity keeps clocks and randomness out of the pure rooms.
func TestPurity(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.isTest() || !slices.Contains(pure, f.room()) {
			continue
		}
		forbidden := maps.Clone(impureImports)
		if f.room() != "internal/projector" {
			maps.Copy(forbidden, closedImports)
		}
		local := make(map[string]string) // name in this file → import path
		for imp, spec := range f.imports(t) {
			if instead, ok := forbidden[imp]; ok {
				t.Errorf("%s: %s is pure: %s instead of importing %s", f.at(spec), f.room(), instead, imp)
			}
			name := path.Base(imp)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if name == "." {
				t.Errorf("%s: %s is pure, and a dot import hides what it calls", f.at(spec), f.room())
			}
			local[name] = imp
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(impureCalls[local[x.Name]], sel.Sel.Name) {
				t.Errorf("%s: %s is pure: take the value as an argument instead of using %s.%s", f.at(sel), f.room(), x.Name, sel.Sel.Name)
			}
			return true
		})
	}
}

// TestWeight follows the imports of the emitters through this module and holds
// what they reach to their bans.
func TestWeight(t *testing.T) {
	imports := make(map[string]map[string]bool) // room → everything it imports
	for _, f := range goFiles(t) {
		if f.isTest() {
			continue
		}
		if imports[f.room()] == nil {
			imports[f.room()] = make(map[string]bool)
		}
		for imp := range f.imports(t) {
			imports[f.room()][imp] = true
		}
	}
	for room, bans := range banned {
		if imports[room] == nil {
			t.Errorf("banned names %s, which does not exist", room)
		}
		seen := map[string]bool{room: true}
		for next := []string{room}; len(next) > 0; next = next[1:] {
			for imp := range imports[next[0]] {
				if own, ok := strings.CutPrefix(imp, module+"/"); ok && !seen[own] {
					seen[own] = true
					next = append(next, own)
				}
				for ban, reason := range bans {
					if strings.HasPrefix(imp, ban) {
						t.Errorf("%s reaches %s through %s: %s", room, imp, next[0], reason)
					}
				}
			}
		}
	}
}

// TestFiles holds every Go file to what a reader may expect of it.
func TestFiles(t *testing.T) {
	for _, f := range goFiles(t) {
		if n := bytes.Count(f.src, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, the cap is %d", f.name, n, maxLines)
		}
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: work in init happens before anyone asked for it", f.at(fn))
			}
		}
		if f.isTest() {
			continue
		}
		for text, room := range home {
			if f.room() != room && bytes.Contains(f.src, []byte(text)) {
				t.Errorf("%s spells out %s, which only %s may: call that", f.name, text, room)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			checkStatement(t, f, n)
			return true
		})
	}
}

// checkStatement refuses dropped errors, and ways to end the process that no
// caller can stop, outside main.
func checkStatement(t *testing.T, f *file, n ast.Node) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if len(n.Lhs) != 1 || len(n.Rhs) != 1 {
			return
		}
		_, call := n.Rhs[0].(*ast.CallExpr)
		if id, ok := n.Lhs[0].(*ast.Ident); ok && id.Name == "_" && call {
			t.Errorf("%s: a result is dropped: handle it, join it or log it", f.at(n))
		}
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		if !ok || strings.HasPrefix(f.room(), "cmd/") {
			return
		}
		if name := x.Name + "." + n.Sel.Name; name == "os.Exit" || strings.HasPrefix(name, "log.Fatal") || strings.HasPrefix(name, "log.Panic") {
			t.Errorf("%s: only main may end the process with %s", f.at(n), name)
		}
	}
}
