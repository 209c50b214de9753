package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

const referencePage = "../../docs/configuration.md"

const referenceHead = `<!-- Code generated from internal/config by go generate; DO NOT EDIT. -->

# Configuration

One YAML file, given with ` + "`--config`" + `. Keys that do not exist are refused, with file, line and column. What is set
later wins: defaults, then the file, then variables of the environment, then flags. The variable of a key is
` + "`TELLTALE_`" + ` and the key in upper case with underscores, so ` + "`server.listen`" + ` is ` + "`TELLTALE_SERVER_LISTEN`" + `; lists take their
elements separated by commas. Paths are relative to the working directory. Sizes take KiB, MiB and GiB, durations s, m and h.

` + "`telltale config validate`" + ` says what is wrong with a file; ` + "`telltale config print`" + ` prints what holds in the end, without
secrets. Every key with its default:

`

// TestReference holds docs/configuration.md to the Config struct: every key,
// its comment and its default. Run with -update to write the page anew.
func TestReference(t *testing.T) {
	example := annotate(t)
	page := referenceHead + "```yaml\n" + example + "```\n"
	if *update {
		if err := os.WriteFile(referencePage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page {
		t.Error("docs/configuration.md is not what the structs say: run go generate ./internal/config")
	}
	c, err := Load(Sources{File: write(t, "example.yaml", example)})
	if err != nil {
		t.Fatalf("the example of the page is refused:\n%v", err)
	}
	if want, got := fmt.Sprintf("%+v", Default()), fmt.Sprintf("%+v", c); got != want {
		t.Errorf("the example of the page says\n%s\nthe defaults are\n%s", got, want)
	}
}

// annotate writes the default configuration with the fields' comments.
func annotate(t *testing.T) string {
	a := annotator{comments: fieldComments(t)}
	a.section(t, reflect.ValueOf(Default()).Elem(), "", "")
	return a.out.String()
}

type annotator struct {
	comments map[string]string // "Type.Field" → comment
	out      strings.Builder
	within   []reflect.Type // the sections that are being written
}

// section writes the keys of v. Lists of sections are empty by default; what
// one of their elements looks like is written behind "# ".
func (a *annotator) section(t *testing.T, v reflect.Value, indent, first string) {
	a.within = append(a.within, v.Type())
	defer func() { a.within = a.within[:len(a.within)-1] }()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		comment := a.comments[v.Type().Name()+"."+field.Name]
		if comment == "" {
			t.Errorf("%s.%s has no comment", v.Type().Name(), field.Name)
		}
		if i > 0 && first == "" {
			a.out.WriteString("\n")
		}
		lead := indent + first
		if i > 0 {
			lead = indent + strings.Repeat(" ", len(first))
		}
		for line := range strings.Lines(comment) {
			a.out.WriteString(strings.ReplaceAll(lead, "- ", "") + "# " + line)
		}
		key := field.Tag.Get("yaml")
		switch value := v.Field(i); {
		case isSection(value):
			fmt.Fprintf(&a.out, "%s%s:\n", lead, key)
			a.section(t, value, indent+"  ", "")
		case isSections(field.Type):
			a.list(t, field.Type.Elem(), indent, lead, key)
		default:
			fmt.Fprintf(&a.out, "%s%s: %s\n", lead, key, scalarText(value))
		}
	}
}

// list writes one element, but for a list of what it stands in itself.
func (a *annotator) list(t *testing.T, elem reflect.Type, indent, lead, key string) {
	if slices.Contains(a.within, elem) {
		fmt.Fprintf(&a.out, "%s%s: []\n", lead, key)
		return
	}
	if strings.HasPrefix(strings.TrimLeft(indent, " "), "#") { // within an element already
		fmt.Fprintf(&a.out, "%s%s:\n", lead, key)
		a.section(t, reflect.Zero(elem), indent+"    ", "- ")
		return
	}
	fmt.Fprintf(&a.out, "%s%s: []\n", lead, key)
	a.section(t, reflect.Zero(elem), indent+"#   ", "- ")
}

func scalarText(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Slice:
		return "[]"
	case reflect.Map:
		return "{}"
	}
	if s, ok := v.Interface().(Switch); ok {
		return fmt.Sprint(s.On())
	}
	if text := fmt.Sprint(v.Interface()); v.Kind() != reflect.String {
		if b, ok := v.Interface().(Bytes); ok {
			size, _ := b.MarshalText() // never fails
			return string(size)
		}
		return text
	}
	if v.Len() == 0 {
		return `""`
	}
	return v.String()
}

// fieldComments reads the comments of all struct fields that are keys.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	comments := make(map[string]string)
	for _, name := range []string{"config.go", "receivers.go", "tickets.go", "../notifier/routing/config.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		readComments(f, comments)
	}
	return comments
}

func readComments(f *ast.File, comments map[string]string) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					comments[spec.Name.Name+"."+name.Name] = field.Doc.Text()
				}
			}
		}
		return false
	})
}
