package cli

import (
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryVerbHasAPage: what the help lists, the documentation explains.
func TestEveryVerbHasAPage(t *testing.T) {
	var pages strings.Builder
	for _, name := range []string{"../../docs/cli.md", "../../docs/emit.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pages.Write(text)
	}
	for _, verb := range commands(OS()) {
		name := verb.Name()
		if !strings.Contains(pages.String(), "telltale "+name) && !strings.Contains(pages.String(), "telltale-emit "+name) {
			t.Errorf("neither docs/cli.md nor docs/emit.md says anything of telltale %s", name)
		}
	}
}

// TestEveryCommandIsDescribed: each has a sentence for the help, and checks its
// arguments.
func TestEveryCommandIsDescribed(t *testing.T) {
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: short help is %q, want a phrase without a full stop", cmd.CommandPath(), cmd.Short)
		}
		if cmd.Args == nil {
			t.Errorf("%s takes any arguments without a look", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	for _, verb := range commands(OS()) {
		check(verb)
	}
}

func TestVersionOf(t *testing.T) {
	built := func(version string, settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: settings}
	}
	revision := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123456789abcdef01234567"}
	for _, tc := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{built("v1.2.3", revision), "v1.2.3"},
		{built("(devel)", revision), "devel-0123456789ab"},
		{built("(devel)", revision, debug.BuildSetting{Key: "vcs.modified", Value: "true"}), "devel-0123456789ab-modified"},
		{built(""), "devel"},
	} {
		if got := versionOf(tc.info); got != tc.want {
			t.Errorf("version is %q, want %q", got, tc.want)
		}
	}
}
