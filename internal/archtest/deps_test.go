package archtest

import (
	"strings"
	"testing"
)

// TestDependenciesHaveReasons holds go.mod and deps.tsv to each other: every
// module that is required, directly or not, has one line that says why it may be
// in the build, and no line outlives its module.
func TestDependenciesHaveReasons(t *testing.T) {
	reasons := make(map[string]bool)
	last := ""
	for line := range strings.Lines(string(read(t, "internal/archtest/deps.tsv"))) {
		name, reason, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || strings.TrimSpace(reason) == "" {
			t.Errorf("deps.tsv: %q is not a module, a tab and a reason", line)
		}
		if name <= last {
			t.Errorf("deps.tsv: %s does not stand in order", name)
		}
		reasons[name], last = true, name
	}
	required := requiredModules(t)
	for name := range required {
		if !reasons[name] {
			t.Errorf("go.mod requires %s, and deps.tsv does not say why", name)
		}
	}
	for name := range reasons {
		if !required[name] {
			t.Errorf("deps.tsv gives a reason for %s, which go.mod does not require", name)
		}
	}
}

// requiredModules returns the modules that go.mod requires.
func requiredModules(t *testing.T) map[string]bool {
	t.Helper()
	modules := make(map[string]bool)
	inside := false
	for line := range strings.Lines(string(read(t, "go.mod"))) {
		switch fields := strings.Fields(line); {
		case len(fields) == 0:
		case fields[0] == "require" && fields[1] == "(":
			inside = true
		case fields[0] == ")":
			inside = false
		case fields[0] == "require":
			modules[fields[1]] = true
		case inside && fields[0] != "//":
			modules[fields[0]] = true
		case fields[0] == "replace" || fields[0] == "exclude":
			t.Errorf("go.mod: %q: those who import our packages would not get it", strings.TrimSpace(line))
		}
	}
	if len(modules) == 0 {
		t.Fatal("go.mod requires nothing: it was not read right")
	}
	return modules
}
