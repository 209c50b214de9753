package stream_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/internal/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience only ends a test that hangs.
const patience = 30 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// start runs a loop until the test ends or stop is called, which waits for it.
func start(t testing.TB, run func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the loop ended with %v", err)
		}
	})
	return stop
}

func startCommitter(t testing.TB, c *stream.Conn, name string, o stream.CommitterOptions) (*stream.Committer, func() error) {
	k := stream.NewCommitter(c, name, o)
	return k, start(t, k.Run)
}

// payload is as long as a usual event.
var payload = []byte(`{"pad":"` + strings.Repeat("x", 655) + `"}`)

// messages returns n messages with the ids prefix-0 to prefix-(n-1).
func messages(prefix string, n int) []stream.Message {
	msgs := make([]stream.Message, n)
	for i := range msgs {
		msgs[i] = stream.Message{
			Subject: "tt.v1.events.prod.eu-west-1.checkout",
			ID:      fmt.Sprintf("%s-%d", prefix, i),
			Data:    payload,
		}
	}
	return msgs
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// stored returns the number of messages in a stream.
func stored(t testing.TB, c *stream.Conn, name string) int {
	t.Helper()
	s := must(c.JS.Stream(testContext(t), name))(t)
	return int(s.CachedInfo().State.Msgs)
}
