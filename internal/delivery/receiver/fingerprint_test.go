package receiver

import "testing"

// TestFingerprint: endpoints compare it with what Prometheus' own library makes
// of the same labels, from which these values are.
func TestFingerprint(t *testing.T) {
	for _, c := range []struct {
		labels map[string]string
		want   string
	}{
		{nil, "cbf29ce484222325"},
		{map[string]string{"alertname": "failed"}, "c1a4dead7d272107"},
		{map[string]string{"b": "2", "a": "é", "alert": "al_0123456789abcdef"}, "e949e5becca71916"},
	} {
		if got := fingerprint(c.labels); got != c.want {
			t.Errorf("%v has %s, want %s", c.labels, got, c.want)
		}
	}
}
