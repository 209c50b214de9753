package notifier

import (
	"bytes"
	"errors"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
)

// glance is what shows whether a rule may have something to say to a message of
// TT_CHANGES.
type glance struct {
	typ        string
	from, to   string // of a deployment or a release
	late       bool   // of a deployment, like the next
	conditions string // as they stand in the message, "" when there are none
}

func (g *glance) has(condition string) bool { return strings.Contains(g.conditions, `"`+condition+`"`) }

// glancer reads no more of a message than a glance needs: most changes mean
// nothing to anybody, and to read one whole takes five times as long. The zero
// value is ready. It is not safe for concurrent use.
type glancer struct {
	decoder jsontext.Decoder
	in      bytes.Buffer
	seen    glance
	wanted  int // members of the data that were not seen yet
}

// errOtherwise says that a message is not as the projector writes it.
var errOtherwise = errors.New("not written by the projector")

// glance looks at a message as the projector writes it: the type before the
// data. ok is false when it cannot tell; then the message is to be read whole.
// What comes behind the parts it needs may still be anything.
func (g *glancer) glance(raw []byte) (seen glance, ok bool) {
	g.in = *bytes.NewBuffer(raw)
	// Names that come twice are for those who read whole.
	g.decoder.Reset(&g.in, jsontext.AllowDuplicateNames(true))
	g.seen, g.wanted = glance{}, 0
	if err := g.members(g.envelope); err != nil {
		return glance{}, false
	}
	return g.seen, g.seen.typ != "" && g.wanted == 0
}

func (g *glancer) envelope(name jsontext.Value) (more bool, err error) {
	switch string(name) {
	case `"type"`:
		g.seen.typ, err = g.text()
		switch g.seen.typ {
		case events.TypeDeploymentChanged:
			g.wanted = 4
		case events.TypeReleaseChanged:
			g.wanted = 2
		}
		return g.wanted > 0, err
	case `"data"`:
		return false, g.members(g.data)
	default:
		return true, g.decoder.SkipValue()
	}
}

func (g *glancer) data(name jsontext.Value) (more bool, err error) {
	g.wanted--
	switch string(name) {
	case `"from"`:
		g.seen.from, err = g.text()
	case `"to"`:
		g.seen.to, err = g.text()
	case `"late"`:
		var t jsontext.Token
		t, err = g.decoder.ReadToken()
		g.seen.late = t.Kind() == 't'
	case `"conditions"`:
		var v jsontext.Value
		if v, err = g.decoder.ReadValue(); err == nil && string(v) != "[]" {
			g.seen.conditions = string(v)
		}
	default:
		g.wanted++
		err = g.decoder.SkipValue()
	}
	return g.wanted > 0, err
}

// members calls read with the name of each member of the object that comes
// next, for as long as more is true; read takes the value.
func (g *glancer) members(read func(name jsontext.Value) (more bool, err error)) error {
	if g.decoder.PeekKind() != '{' {
		return errOtherwise
	}
	_, err := g.decoder.ReadToken()
	for more := true; err == nil && more && g.decoder.PeekKind() == '"'; {
		var name jsontext.Value
		if name, err = g.decoder.ReadValue(); err == nil {
			more, err = read(name)
		}
	}
	return err
}

func (g *glancer) text() (string, error) {
	t, err := g.decoder.ReadToken()
	if err != nil || t.Kind() != '"' {
		return "", errOtherwise
	}
	return t.String(), nil
}
