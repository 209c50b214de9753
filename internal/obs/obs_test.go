package obs

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLoggerFormatsAndLevels(t *testing.T) {
	for _, tc := range []struct {
		format LogFormat
		want   string
	}{
		{LogText, "level=WARN msg=odd reason=late\n"},
		{LogJSON, `"level":"WARN","msg":"odd","reason":"late"}` + "\n"},
	} {
		var buf bytes.Buffer
		log := NewLogger(&buf, slog.LevelWarn, tc.format)
		log.Info("not shown")
		log.Warn("odd", "reason", "late")
		if got := buf.String(); !strings.HasSuffix(got, tc.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: wrote %q, want one line that ends in %q", tc.format, got, tc.want)
		}
	}
}

func TestParseLevel(t *testing.T) {
	for name, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		if got, err := ParseLevel(name); err != nil || got != want {
			t.Errorf("ParseLevel(%q) = %v, %v; want %v", name, got, err, want)
		}
	}
	for _, bad := range []string{"", "INFO", "warning", "4"} {
		if _, err := ParseLevel(bad); err == nil {
			t.Errorf("ParseLevel(%q) is accepted", bad)
		}
	}
}

func TestRegistrySaysWhatRuns(t *testing.T) {
	w := httptest.NewRecorder()
	MetricsHandler(NewRegistry("1.2.3")).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{`telltale_build_info{version="1.2.3"} 1`, "go_goroutines ", "process_start_time_seconds "} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics lack %q", want)
		}
	}
}
