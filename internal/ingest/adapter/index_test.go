package adapter

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestToolIndex: docs/tools/README.md lists every tool that there is, and each
// has its page.
func TestToolIndex(t *testing.T) {
	index, err := os.ReadFile("../../../docs/tools/README.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile(`(?m)^\| \[([a-z-]+)\]\(([a-z-]+)\.md\)`).FindAllStringSubmatch(string(index), -1) {
		if m[1] != m[2] {
			t.Errorf("%s links to the page of %s", m[1], m[2])
		}
		if _, err := os.Stat("../../../docs/tools/" + m[2] + ".md"); err != nil {
			t.Error(err)
		}
		listed = append(listed, m[1])
	}
	if all := tools(t); !slices.Equal(listed, all) {
		t.Errorf("the index lists\n%q\nthere are\n%q", listed, all)
	}
}
