package receiver

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
)

// Secret is a text that printing, logging and encoding hide.
type Secret string

const hidden = "<secret>"

// String hides the secret.
func (Secret) String() string { return hidden }

// GoString hides the secret.
func (Secret) GoString() string { return hidden }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// The bounds of a signing key, in bytes (Standard Webhooks, "Signature scheme").
const (
	minKeyBytes = 24
	maxKeyBytes = 64
)

// signingKey returns the bytes of "whsec_<base64>". Its errors do not quote the
// secret.
func (s Secret) signingKey() ([]byte, error) {
	text, ok := strings.CutPrefix(string(s), "whsec_")
	if !ok {
		return nil, errors.New(`a signing secret starts with "whsec_"`)
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New(`a signing secret is "whsec_" and base64`)
	}
	if len(key) < minKeyBytes || len(key) > maxKeyBytes {
		return nil, errors.New("a signing secret has 24 to 64 bytes")
	}
	return key, nil
}
