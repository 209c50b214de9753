package archtest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const root = "../.."

// maxTextBytes is the longest a file may be that people are to read.
const maxTextBytes = 1 << 20

// textFiles are what is held to the rules of text, by extension.
var textFiles = []string{
	".go", ".md", ".yaml", ".yml", ".json", ".tsv", ".txt", ".txtar", ".mod", ".sh", ".conf", ".service", ".html", ".css", ".js",
}

// refusedText is what no file of the project may hold, each with the reason. The
// patterns are put together so that this file does not hold them itself.
var refusedText = map[*regexp.Regexp]string{
	regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X|HA` + `CK)\b`):       "finish it or open an issue",
	regexp.MustCompile(`(^|[\s"'(` + "`" + `])/(home|root|Users|work)/[a-z]`): "a path of one machine",
	regexp.MustCompile(`(?m)^(<<<<<<<|>>>>>>>) `):                             "a merge that is not done",
	regexp.MustCompile(`(?m)[ \t]+$`):                                         "white space at the end of a line",
}

// sourceFiles lists the files of the repository whose name ends in one of
// suffixes, relative to its root. Folders that hold other people's text, or none
// of ours, are left out.
func sourceFiles(t *testing.T, suffixes ...string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != root && (strings.HasPrefix(base, ".") || base == "testdata" || base == "tools") {
				return filepath.SkipDir
			}
			return nil
		}
		if slices.Contains(suffixes, filepath.Ext(base)) {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return err
			}
			names = append(names, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// read returns a file of the repository by its name relative to the root.
func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestText(t *testing.T) {
	for _, name := range sourceFiles(t, textFiles...) {
		text := read(t, name)
		switch {
		case len(text) > maxTextBytes:
			t.Errorf("%s has %d bytes, the cap is %d", name, len(text), maxTextBytes)
		case !utf8.Valid(text):
			t.Errorf("%s is not UTF-8", name)
		case bytes.Contains(text, []byte("\r")):
			t.Errorf("%s has carriage returns", name)
		case len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")):
			t.Errorf("%s does not end with a line end", name)
		}
		for pattern, reason := range refusedText {
			if at := pattern.FindIndex(text); at != nil {
				line := 1 + bytes.Count(text[:at[0]], []byte("\n"))
				t.Errorf("%s:%d: %q: %s", name, line, text[at[0]:at[1]], reason)
			}
		}
	}
}
