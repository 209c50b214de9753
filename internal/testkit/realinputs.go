package testkit

import (
	"os"
	"path/filepath"
	"testing"
)

// RealInputs returns the path of a file of the real inputs: recorded histories
// and payloads of other people, which are read where they lie and never
// committed. They are looked for in TELLTALE_REAL_INPUTS, else beside the
// checkout in shared/real-inputs. Where they are absent the test is skipped with
// a loud word, and fails when TELLTALE_REAL_INPUTS_REQUIRED is set.
func RealInputs(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("TELLTALE_REAL_INPUTS")
	if root == "" {
		root = filepath.Join(moduleRoot(t), "..", "shared", "real-inputs")
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("TELLTALE_REAL_INPUTS_REQUIRED") != "" {
			t.Fatalf("the real inputs are required and absent: %v", err)
		}
		t.Skipf("NOT RUN, NOTHING PROVED: the real inputs are absent (%v); set TELLTALE_REAL_INPUTS to where they lie", err)
	}
	return path
}

// moduleRoot returns the folder of go.mod, found upwards from the package under
// test.
func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}
