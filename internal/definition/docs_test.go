package definition

import (
	"os"
	"regexp"
	"testing"
)

// TestDocs checks the documents on the page.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllSubmatch(page, -1)
	if len(blocks) != 3 {
		t.Fatalf("%d documents, want one of each kind and one with authority", len(blocks))
	}
	for _, b := range blocks {
		if err := Check(b[1]); err != nil {
			t.Errorf("%s\n%v", b[1], err)
		}
	}
}
