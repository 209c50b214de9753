package expr

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// timeLayouts are the forms in which tools write times, beside RFC 3339. One
// without a zone is meant to be UTC.
var timeLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999Z0700", // Jira, Azure DevOps
	"2006-01-02 15:04:05 MST",            // GitLab; only UTC and GMT, see below
	"2006-01-02 15:04:05 Z0700",          // GitLab
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999 Z0700 MST", // Go's own
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999", // ServiceNow
	time.RFC1123Z,
	time.RFC1123,
}

// Time returns the instant that a value says: an RFC 3339 time, one of the odd
// forms that tools write, or a Unix time in seconds, milliseconds, microseconds
// or nanoseconds. false is for what says none: nothing, zero, the year 1.
func (v Value) Time() (time.Time, bool) {
	text := strings.TrimSpace(textOf(v.val))
	if text == "" {
		return time.Time{}, false
	}
	if t, ok := unixTime(text); ok {
		return t, t.Unix() != 0
	}
	for _, layout := range timeLayouts {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if name, offset := t.Zone(); offset == 0 && name != "" && name != "UTC" && name != "GMT" {
			return time.Time{}, false // a name whose zone differs between machines
		}
		return t.UTC(), t.Year() > 1
	}
	return time.Time{}, false
}

// IsNoTime reports whether a text is how tools say that there is no time: zero,
// or the year 1.
func IsNoTime(text string) bool {
	text = strings.TrimSpace(text)
	return strings.Trim(text, "0.") == "" || strings.HasPrefix(text, "0001-01-01") || strings.HasPrefix(text, "1970-01-01T00:00:00")
}

// TimeText is Time as RFC 3339 text, "" without one.
func (v Value) TimeText() string {
	t, ok := v.Time()
	if !ok {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// unixTime reads digits, with or without a fraction, as a Unix time in the unit
// that makes it a time between 1970 and 2286: seconds have at most ten digits.
func unixTime(text string) (time.Time, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if whole == "" || digitBytes(whole) < len(whole) {
		return time.Time{}, false // as most times, which need no error made of it
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	nanos := 0.0
	if fraction != "" {
		if nanos, err = strconv.ParseFloat("0."+fraction, 64); err != nil {
			return time.Time{}, false
		}
	}
	unit := int64(time.Second)
	for digits := len(whole); digits > 10 && unit > 1; digits -= 3 {
		unit /= 1000
	}
	perSecond := int64(time.Second) / unit
	rest := n%perSecond*unit + int64(math.Round(nanos*float64(unit)))
	return time.Unix(n/perSecond, rest).UTC(), true
}
