package notifier

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// TestThePageHasTheRules holds docs/notifier.md to the rules: a row for each, in
// their order, with its severity and how long it waits.
func TestThePageHasTheRules(t *testing.T) {
	page, err := os.ReadFile("../../docs/notifier.md")
	if err != nil {
		t.Fatal(err)
	}
	about := map[string]string{
		events.TypeDeploymentChanged: "a deployment", events.TypeReleaseChanged: "a release", events.TypeRegionChanged: "a region of an environment",
	}
	rest := string(page)
	for _, r := range Rules() {
		waits := "at once"
		if r.HoldFor > 0 {
			waits = short(r.HoldFor)
		}
		row := regexp.MustCompile(fmt.Sprintf("(?m)^\\| `%s` \\| %s \\| [^|]+ \\| %s \\| %s \\|", r.Name, about[r.On], r.Severity, waits))
		at := row.FindStringIndex(rest)
		if at == nil {
			t.Errorf("docs/notifier.md has no row for %s, %s, %s, told after %s, or not in its place", r.Name, about[r.On], r.Severity, waits)
			continue
		}
		rest = rest[at[1]:]
	}
	if strings.Count(string(page), "\n| `") != len(Rules()) {
		t.Error("docs/notifier.md has a row for what is no rule")
	}
}
