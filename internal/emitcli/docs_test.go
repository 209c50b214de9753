package emitcli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestDocsHold runs the shell lines of docs/emit.md that say something, and
// checks that each variable the page names exists.
func TestDocsHold(t *testing.T) {
	page, err := os.ReadFile("../../docs/emit.md")
	if err != nil {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`(?m)^telltale-emit (emit .*)$`).FindAllStringSubmatch(string(page), -1)
	if len(said) < 5 {
		t.Fatalf("the page has %d examples only", len(said))
	}
	quoted := regexp.MustCompile(`"[^"]*"`)
	for _, match := range said {
		m := newMachine(t, newDoor(t).URL)
		args := strings.Fields(quoted.ReplaceAllString(match[1], "words"))
		if code, _, stderr := m.do(args...); code != 0 {
			t.Errorf("%s: exit %d: %s", match[0], code, stderr)
		}
	}

	var known []string
	for _, cmd := range []*cobra.Command{NewEmitCommand(Env{}), NewRunCommand(Env{}), NewFlushCommand(Env{}), NewImportCommand(Env{})} {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, variable(f.Name)) })
	}
	for _, name := range regexp.MustCompile(`TELLTALE_[A-Z_]+`).FindAllString(string(page), -1) {
		if name != "TELLTALE_" && !slices.Contains(known, name) {
			t.Errorf("the page names %s, which is no flag", name)
		}
	}
	// What a CI system is read from must be on the page where people set it.
	for _, s := range systems() {
		var read []string
		s.read(func(k string) string { read = append(read, k); return "x" })
		if !strings.Contains(string(page), s.marker) {
			t.Errorf("the page does not name %s", s.marker)
		}
		if s.name != "tekton" && s.name != "argo" {
			continue // the system sets them itself
		}
		for _, k := range read {
			if !strings.Contains(string(page), k) {
				t.Errorf("the page does not say to pass %s", k)
			}
		}
	}
}
