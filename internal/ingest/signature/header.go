package signature

import (
	"strconv"
	"strings"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// one returns the value of a header that must be there once: of two, proxies
// and we might go by different ones.
func one(h Header, name string) (string, error) {
	switch values := h[name]; {
	case len(values) == 0 || len(values) == 1 && values[0] == "":
		return "", events.Errorf(events.CodeAuth, "the header %s is missing", name).
			WithHint("set the hook's secret in the tool as well, and check that the hook's scheme is the tool's")
	case len(values) > 1:
		return "", events.Errorf(events.CodeAuth, "the header %s is there %d times", name, len(values))
	default:
		return values[0], nil
	}
}

// fresh returns the signed time of a request, in the sender's own digits since
// those are what is signed, unless it is too far from now.
func fresh(h Header, name string, now time.Time) (string, error) {
	text, err := one(h, name)
	if err != nil {
		return "", err
	}
	// At most 11 digits: beyond them the difference below could overflow.
	seconds, err := strconv.ParseUint(text, 10, 63)
	if err != nil || len(text) > 11 {
		return "", events.Errorf(events.CodeAuth, "the header %s is not a time in seconds", name)
	}
	if age := now.Sub(time.Unix(int64(seconds), 0)); age.Abs() > Tolerance {
		return "", events.Errorf(events.CodeAuth, "the time in %s is more than %d minutes from ours", name, int(Tolerance.Minutes())).
			WithHint("an old request is refused, whoever sends it; if it is new, check both clocks")
	}
	return text, nil
}

// split returns the signatures that a header lists: separated by spaces where a
// comma is part of each (Standard Webhooks), else by commas (PagerDuty).
func split(value, version string) []string {
	if strings.HasSuffix(version, ",") {
		return strings.Fields(value)
	}
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

func wrong(format, name string) error {
	return events.Errorf(events.CodeAuth, format, name).
		WithHint("the tool signs with another secret than the hooks section has; several can be valid while one is replaced")
}
