package archtest

import (
	"go/ast"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// page is a Markdown file without its blocks of code.
type page struct {
	name string // relative to the root, with slashes
	text string
}

var (
	fence   = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	span    = regexp.MustCompile("`([^`\n]+)`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.+)$`)

	// codeName is what a page writes for a place in the source: a path and,
	// behind a colon, what the Go file declares, as Name or Type.Method.
	codeName = regexp.MustCompile(`^([\w.-]+(?:/[\w.-]+)*)/?(?::(\w+(?:\.\w+)?))?$`)
)

func pages(t *testing.T) []page {
	t.Helper()
	var out []page
	for _, name := range sourceFiles(t, ".md") {
		out = append(out, page{name, fence.ReplaceAllString(string(read(t, name)), "")})
	}
	if len(out) == 0 {
		t.Fatal("there are no pages")
	}
	return out
}

// TestDocsNameWhatExists holds what the pages say about the source against the
// source: `path/file.go`, `path/file.go:Func`, `path/file.go:Type.Method`.
func TestDocsNameWhatExists(t *testing.T) {
	declared := make(map[string]map[string]bool) // file → what it declares
	base := make(map[string]bool)                // names of Go files
	for _, f := range goFiles(t) {
		declared[f.name] = declarations(f.ast)
		base[path.Base(f.name)] = true
	}
	checked := 0
	for _, p := range pages(t) {
		for _, m := range span.FindAllStringSubmatch(p.text, -1) {
			place := codeName.FindStringSubmatch(m[1])
			if place == nil {
				continue
			}
			file, name := place[1], place[2]
			switch {
			case !strings.Contains(file, "/"):
				if strings.HasSuffix(file, ".go") && !base[file] {
					t.Errorf("%s: there is no file `%s`", p.name, file)
				}
				continue
			case strings.HasPrefix(file, "."), !exists(strings.SplitN(file, "/", 2)[0]):
				continue // no place in the source: a media type, the reader's own file
			case !exists(file):
				t.Errorf("%s: `%s` does not exist", p.name, file)
			case name != "" && !declared[file][name]:
				t.Errorf("%s: %s declares no %s", p.name, file, name)
			}
			checked++
		}
	}
	if checked < 50 {
		t.Errorf("the pages name %d places in the source: the pattern finds them no more", checked)
	}
}

// TestEveryRoomIsOnThePage wants a line for each room in docs/architecture.md.
func TestEveryRoomIsOnThePage(t *testing.T) {
	text := string(read(t, "docs/architecture.md"))
	for _, r := range rooms {
		if !strings.Contains(text, "| `"+r.name+"`") && !strings.Contains(text, ", `"+r.name+"`") {
			t.Errorf("docs/architecture.md has no line for the room %s", r.name)
		}
	}
}

// TestLinks follows the links between pages, and to headings in them.
func TestLinks(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(p.text, -1) {
			u, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: the link %s: %v", p.name, m[1], err)
				continue
			}
			if u.Scheme != "" {
				continue
			}
			to := p.name
			if u.Path != "" {
				to = path.Join(path.Dir(p.name), u.Path)
			}
			if !exists(to) {
				t.Errorf("%s: the link %s leads nowhere", p.name, m[1])
				continue
			}
			if u.Fragment != "" && !anchors(string(read(t, to)))[u.Fragment] {
				t.Errorf("%s: %s has no heading for the link %s", p.name, to, m[1])
			}
		}
	}
}

// exists reports whether the repository has a file or folder.
func exists(name string) bool {
	_, err := fs.Stat(os.DirFS(filepath.FromSlash(root)), name)
	return err == nil
}

// declarations returns what a file declares at its top level; a method as
// Type.Method.
func declarations(f *ast.File) map[string]bool {
	names := make(map[string]bool)
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names[d.Name.Name] = true
				continue
			}
			of := d.Recv.List[0].Type
			if star, ok := of.(*ast.StarExpr); ok {
				of = star.X
			}
			if id, ok := of.(*ast.Ident); ok {
				names[id.Name+"."+d.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					names[s.Name.Name] = true
				case *ast.ValueSpec:
					for _, id := range s.Names {
						names[id.Name] = true
					}
				}
			}
		}
	}
	return names
}

// anchors returns the fragments that lead to the headings of a page: lower
// case, blanks as hyphens, without punctuation, as the forges make them.
func anchors(text string) map[string]bool {
	out := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		out[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])] = true
	}
	return out
}
