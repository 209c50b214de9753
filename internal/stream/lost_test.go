package stream_test

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// deaf connects through a line that can lose what the server says, and single
// things that the client says.
type deaf struct {
	*restartable
	on    atomic.Bool
	mutes atomic.Pointer[func(said []byte) bool]

	mu   sync.Mutex
	last net.Conn // guarded by mu
	lost []byte   // guarded by mu; what the server said in vain
}

type deafConn struct {
	net.Conn
	d *deaf
}

func (c deafConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.d.on.Load() {
			return n, err
		}
		c.d.mu.Lock()
		c.d.lost = append(c.d.lost, p[:n]...)
		c.d.mu.Unlock()
	}
}

func (c deafConn) Write(p []byte) (int, error) {
	if mute := c.d.mutes.Load(); mute != nil && (*mute)(p) {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (d *deaf) InProcessConn() (net.Conn, error) {
	c, err := d.restartable.InProcessConn()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last = c
	return deafConn{c, d}, err
}

// hangUp breaks the line; the next one works.
func (d *deaf) hangUp(t *testing.T) {
	d.on.Store(false)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.last.Close(); err != nil {
		t.Error(err)
	}
}

// untilStored waits until another connection sees n messages in a stream.
func untilStored(t *testing.T, c *stream.Conn, name string, n int) {
	t.Helper()
	for ctx := testContext(t); stored(t, c, name) < n; {
		if ctx.Err() != nil {
			t.Fatalf("%d of %d stored", stored(t, c, name), n)
		}
	}
}

// TestLostAcknowledgement loses the answer to a write that the server has done:
// the writer tries again, and everything is there once.
func TestLostAcknowledgement(t *testing.T) {
	for name, n := range map[string]int{"singles": 4, "batch": 400} {
		t.Run("commit/"+name, func(t *testing.T) {
			d := &deaf{restartable: newRestartable(t)}
			c := testkit.Connect(t, stream.Options{InProcess: d})
			k, _ := startCommitter(t, c, events.StreamEvents, stream.CommitterOptions{})
			d.on.Store(true)
			var res []stream.Result
			done := make(chan error, 1)
			go func() {
				var err error
				res, err = k.Commit(testContext(t), messages("a", n))
				done <- err
			}()
			untilStored(t, d.conn, events.StreamEvents, n)
			d.hangUp(t)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			for i, r := range res {
				if r.Seq != uint64(i+1) || !r.Duplicate {
					t.Fatalf("message %d: %+v", i, r)
				}
			}
			if got := stored(t, d.conn, events.StreamEvents); got != n {
				t.Errorf("%d stored", got)
			}
		})
		t.Run("publish/"+name, func(t *testing.T) {
			d := &deaf{restartable: newRestartable(t)}
			c := testkit.Connect(t, stream.Options{InProcess: d})
			p := stream.NewPublisher(c, stream.PublisherOptions{})
			all := changes("inc", 1, 1+n/2, "prod")
			if err := p.Publish(testContext(t), all[:2]); err != nil {
				t.Fatal(err)
			}
			d.on.Store(true)
			done := make(chan error, 1)
			go func() { done <- p.Publish(testContext(t), all) }()
			untilStored(t, d.conn, events.StreamChanges, 3) // at least one more
			d.hangUp(t)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			wantOnce(t, d.conn, all)
		})
	}
}

// TestReadGap loses messages on the way to a reader: it sees that they are
// missing when the next one comes, and asks for them again.
func TestReadGap(t *testing.T) {
	d := &deaf{restartable: newRestartable(t)}
	r := read(t, testkit.Connect(t, stream.Options{InProcess: d}), stream.ReaderOptions{From: 1})
	commit(t, d.conn, "a", 10)
	r.want(t, 1, 10)
	d.on.Store(true)
	commit(t, d.conn, "b", 5)
	for ctx := testContext(t); ; {
		d.mu.Lock()
		whole := bytes.Count(d.lost, append(payload, "\r\n"...)) == 5
		d.mu.Unlock()
		if whole {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("the server has not sent the messages")
		}
		stored(t, d.conn, events.StreamEvents) // gives the server time
	}
	d.on.Store(false)
	commit(t, d.conn, "c", 1)
	r.want(t, 11, 16)
}

// TestReadLostPull loses a request for more: then the server has no reason to
// say anything, and the silence is what tells the reader.
func TestReadLostPull(t *testing.T) {
	d := &deaf{restartable: newRestartable(t)}
	commit(t, d.conn, "a", 1000)
	var pulls atomic.Int32
	mute := func(said []byte) bool {
		if !bytes.Contains(said, []byte("CONSUMER.MSG.NEXT")) {
			return false
		}
		return pulls.Add(1) == 2
	}
	d.mutes.Store(&mute)
	c := testkit.Connect(t, stream.Options{InProcess: d})
	r := read(t, c, stream.ReaderOptions{From: 1, MaxBatch: 10, Heartbeat: 200 * time.Millisecond})
	r.want(t, 1, 1000)
	if pulls.Load() < 3 {
		t.Errorf("%d pulls", pulls.Load())
	}
}
