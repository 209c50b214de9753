package config

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
)

// Clock says who moves time on.
type Clock string

// The clocks.
const (
	ClockWall   Clock = "wall"   // ticks by this machine's clock
	ClockEvents Clock = "events" // no ticks but those that were recorded
)

// Bytes is a size. It is written as a number of bytes, or of KiB, MiB or GiB
// with that unit behind it.
type Bytes int64

var byteUnits = [...]struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// UnmarshalText reads "65536", "64KiB" or "64 KiB".
func (b *Bytes) UnmarshalText(text []byte) error {
	digits, size := string(text), int64(1)
	for _, u := range byteUnits {
		if d, found := strings.CutSuffix(digits, u.name); found {
			digits, size = strings.TrimSpace(d), u.size
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/size {
		return fmt.Errorf("%q is not a size such as 65536, 64KiB or 4MiB", text)
	}
	*b = Bytes(n * size)
	return nil
}

// MarshalText writes the size in the greatest unit that divides it.
func (b Bytes) MarshalText() ([]byte, error) {
	for _, u := range byteUnits {
		if b != 0 && int64(b)%u.size == 0 {
			return fmt.Appendf(nil, "%d%s", int64(b)/u.size, u.name), nil
		}
	}
	return strconv.AppendInt(nil, int64(b), 10), nil
}

// Switch is on unless it is said to be off. The zero value is on.
type Switch string

// On reports whether the switch is on.
func (s Switch) On() bool { return s != "false" }

// UnmarshalText reads "true" or "false".
func (s *Switch) UnmarshalText(text []byte) error {
	switch t := string(text); t {
	case "true", "false":
		*s = Switch(t)
		return nil
	default:
		return fmt.Errorf("%q is neither true nor false", t)
	}
}

// MarshalYAML writes true or false.
func (s Switch) MarshalYAML() (any, error) { return s.On(), nil }

// redacted stands for a secret wherever one would be shown.
const redacted = "<secret>"

// Secret is a value that shows itself to nobody who does not ask for it by
// name: printed, logged or marshalled it is "<secret>".
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String returns "<secret>", or "" when there is none.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString is [Secret.String], for %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue is [Secret.String], for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is [Secret.String], for every encoder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the text as it is.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}
