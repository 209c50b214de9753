package stream

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Identity is what tells a stream from another of the same name, and how far it
// reaches.
type Identity struct {
	Created     time.Time
	First, Last uint64 // sequences; Last is First-1 in an empty stream
}

// Incarnation names this life of the stream: its time of creation in
// nanoseconds, base 36. It is [a-z0-9]+ and about 12 characters.
func (i Identity) Incarnation() string { return strconv.FormatInt(i.Created.UnixNano(), 36) }

// Identify asks the server for the identity of a stream.
func Identify(ctx context.Context, js jetstream.JetStream, stream string) (Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	st, err := js.Stream(ctx, stream)
	if err != nil {
		return Identity{}, fmt.Errorf("identify stream %s: %w", stream, err)
	}
	info := st.CachedInfo()
	return Identity{Created: info.Created, First: info.State.FirstSeq, Last: info.State.LastSeq}, nil
}

// MismatchError says that a stream is not the one that a position belongs to,
// or no longer holds what comes next. Going on would silently skip or repeat
// events, so the only safe thing is to stop and let a person decide.
type MismatchError struct {
	Stream string
	Want   string // what the position needs
	Got    string // what is there
}

// Error says both sides.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("stream %s is not what the position belongs to: want %s, got %s", e.Stream, e.Want, e.Got)
}

// continues checks that reading from sequence `from` of the given incarnation
// goes on exactly where it stopped. An empty incarnation accepts any stream,
// from 0 any beginning.
func (i Identity) continues(stream, incarnation string, from uint64) error {
	switch got := i.Incarnation(); {
	case incarnation != "" && incarnation != got:
		return &MismatchError{
			Stream: stream, Want: "incarnation " + incarnation,
			Got: fmt.Sprintf("incarnation %s, created %s", got, i.Created.UTC().Format(time.RFC3339)),
		}
	case from == 0:
		return nil
	case from > i.Last+1:
		return &MismatchError{
			Stream: stream, Want: fmt.Sprintf("sequence %d", from),
			Got: fmt.Sprintf("a stream that ends at %d: it lost its end", i.Last),
		}
	case from < i.First:
		return &MismatchError{
			Stream: stream, Want: fmt.Sprintf("sequence %d", from),
			Got: fmt.Sprintf("a stream that begins at %d: messages were removed unread", i.First),
		}
	}
	return nil
}
