package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/emitcli"
)

var (
	blockOfCode = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	spanOfCode  = regexp.MustCompile("`([^`]+)`")

	// called finds a command line: a program of ours and what follows, up to what
	// ends a command in a shell.
	called = regexp.MustCompile(`(?m)(?:^|[\s;|&(])(?:go run \./cmd/)?(telltale(?:-emit)?) ([a-z][^\n|;&#>]*)`)
	verb   = regexp.MustCompile(`^[a-z][a-z-]*$`)
)

// nowhere is an Env for commands that nobody runs.
func nowhere() Env { return Env{Getenv: func(string) string { return "" }} }

// trees are the programs that the pages may call, as commands.
func trees() map[string]*cobra.Command {
	full := &cobra.Command{Use: "telltale"}
	full.AddCommand(commands(nowhere())...)
	full.InitDefaultHelpCmd()
	small := &cobra.Command{Use: "telltale-emit"}
	small.AddCommand(emitcli.NewEmitCommand(nowhere()), emitcli.NewRunCommand(nowhere()), emitcli.NewFlushCommand(nowhere()))
	return map[string]*cobra.Command{"telltale": full, "telltale-emit": small}
}

// TestDocsCallWhatExists holds the command lines on the pages against the
// commands: verbs, and flags by their long names.
func TestDocsCallWhatExists(t *testing.T) {
	programs := trees()
	checked := 0
	for name, text := range readPages(t) {
		code := strings.Join(blockOfCode.FindAllString(text, -1), "\n")
		for _, m := range spanOfCode.FindAllStringSubmatch(blockOfCode.ReplaceAllString(text, ""), -1) {
			code += "\n" + strings.ReplaceAll(m[1], "\n", " ")
		}
		for _, m := range called.FindAllStringSubmatch(code, -1) {
			checkLine(t, name, programs[m[1]], strings.Fields(m[2]))
			checked++
		}
	}
	if checked < 40 {
		t.Errorf("the pages have %d command lines: the pattern finds them no more", checked)
	}
}

func checkLine(t *testing.T, page string, cmd *cobra.Command, words []string) {
	t.Helper()
	line := cmd.Name() + " " + strings.Join(words, " ")
	for len(words) > 0 && cmd.HasSubCommands() && verb.MatchString(words[0]) {
		next, _, err := cmd.Find(words[:1])
		if err != nil || next == cmd {
			t.Errorf("%s: %q: %s has no verb %s", page, line, cmd.CommandPath(), words[0])
			return
		}
		cmd, words = next, words[1:]
	}
	cmd.InitDefaultHelpFlag()
	for _, w := range words {
		if w == "--" {
			return // what follows is another program's
		}
		flag, _, _ := strings.Cut(strings.TrimRight(w, ".,)"), "=")
		if long, ok := strings.CutPrefix(flag, "--"); ok && cmd.Flags().Lookup(long) == nil {
			t.Errorf("%s: %q: %s has no flag --%s", page, line, cmd.CommandPath(), long)
		}
	}
}

// TestEveryVerbIsOnThePage wants a section with an example for each verb.
func TestEveryVerbIsOnThePage(t *testing.T) {
	page := readPages(t)["docs/cli.md"]
	for _, cmd := range commands(nowhere()) {
		_, section, found := strings.Cut(page, "\n### telltale "+cmd.Name()+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		section, _, _ = strings.Cut(section, "\n### ")
		if !found || !strings.Contains(section, "\ntelltale "+cmd.Name()) {
			t.Errorf("docs/cli.md has no section with an example for telltale %s", cmd.Name())
		}
	}
}

// readPages returns the Markdown files of the repository by name.
func readPages(t *testing.T) map[string]string {
	t.Helper()
	const root = "../.."
	pages := make(map[string]string)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if filepath.Ext(name) != ".md" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		pages[filepath.ToSlash(rel)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}
