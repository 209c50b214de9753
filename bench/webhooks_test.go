package bench

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// TestWebhooks: messages are as large as those of real tools, and differ.
func TestWebhooks(t *testing.T) {
	for _, w := range webhooks() {
		one, two := w.appendBody(nil, 1), w.appendBody(nil, 2)
		if len(one) < 1000 || len(one) > 13<<10 || !jsontext.Value(one).IsValid() {
			t.Errorf("%s: %d bytes, %.200s", w.tool, len(one), one)
		}
		if bytes.Equal(one, two) {
			t.Errorf("%s: two messages are one", w.tool)
		}
	}
}
