package statemachine

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// The API version and kind of a lifecycle document.
const (
	APIVersion    = "telltale.dev/v1"
	KindLifecycle = "Lifecycle"
)

// maxDocument bounds a lifecycle document, in bytes, before it is parsed.
const maxDocument = 256 << 10

// Document is a lifecycle as people write it, in YAML.
type Document struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   Metadata `yaml:"metadata"`
	Spec       Spec     `yaml:"spec"`
}

// Metadata names a document and its version.
type Metadata struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
}

// Spec is what a lifecycle says.
type Spec struct {
	Skew        Duration        `yaml:"skew"`   // default 60s
	Settle      Duration        `yaml:"settle"` // default 10m
	States      []StateSpec     `yaml:"states"`
	Transitions []TransitionRow `yaml:"transitions"`
	Implied     []string        `yaml:"implied"`
}

// StateSpec is one state: its name, its rank among equal times (0 to 14), its
// category, and what it means to attempts and to the slot.
type StateSpec struct {
	Name      string    `yaml:"name"`
	Rank      uint8     `yaml:"rank"`
	Category  string    `yaml:"category"`
	Start     bool      `yaml:"start"`
	Announces bool      `yaml:"announces"`
	Runs      bool      `yaml:"runs"`
	Lands     bool      `yaml:"lands"`
	Fails     bool      `yaml:"fails"`
	Restores  bool      `yaml:"restores"`
	Empties   bool      `yaml:"empties"`
	Anywhere  *Anywhere `yaml:"anywhere"`
}

// Anywhere lets a state be entered from every other without a path.
type Anywhere struct {
	Except []string `yaml:"except"`
}

// TransitionRow declares what may follow. Judged transitions are judgements:
// they wait for their guard, facts never do.
type TransitionRow struct {
	From   []string `yaml:"from"`
	To     []string `yaml:"to"`
	Judged []string `yaml:"judged"`
}

// Duration is a time.Duration written as in Go: "60s", "10m".
type Duration time.Duration

// UnmarshalText reads a duration that is not negative.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 60s or 10m", b)
	}
	if v < 0 {
		return errors.New("a duration is never negative")
	}
	*d = Duration(v)
	return nil
}

// Parse reads a lifecycle document strictly: an unknown key is an error that
// names line and column.
func Parse(doc []byte) (*Document, error) {
	if len(doc) > maxDocument {
		return nil, fmt.Errorf("lifecycle: %d bytes, the limit is %d", len(doc), maxDocument)
	}
	var d Document
	if err := yaml.UnmarshalWithOptions(doc, &d, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("lifecycle: %s", strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	if d.APIVersion != APIVersion || d.Kind != KindLifecycle {
		return nil, fmt.Errorf("lifecycle: not apiVersion %s, kind %s", APIVersion, KindLifecycle)
	}
	return &d, nil
}
