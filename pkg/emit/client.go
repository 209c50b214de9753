package emit

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Bounds of one request, below the server's own limits of 1,000 events and
// 4 MiB, so that the array around the events fits too.
const (
	maxBatchEvents = 500
	maxBatchBytes  = 3 << 20
)

// Options say where and how a [Client] sends. The zero value of every field but
// Server is usable.
type Options struct {
	// Server is where events go: http:// or https:// for the HTTP door, nats://
	// or tls:// for the raw subject of a NATS server. Required.
	Server string

	// Token authenticates the emitter: a bearer token over HTTP; over NATS the
	// password of the user Emitter, or a token if Emitter is empty. Over plain
	// http:// anybody on the way can read it.
	Token string

	// CredsFile is a NATS credentials file. Optional, excludes Token.
	CredsFile string

	// Emitter is the name that a NATS server knows this emitter by: it publishes
	// on tt.v1.raw.<emitter>. Default: the user in Server, else "local".
	Emitter string

	// Source is the CloudEvents source of events that have none. Optional.
	Source string

	// KeepRecorded asks the server to keep the recordedtime of the events, which
	// takes the role import. HTTP only.
	KeepRecorded bool

	// SpoolDir is the directory of the spool; it is created. Empty: no spool.
	SpoolDir string

	// SpoolBytes and SpoolEvents bound what waits in the spool. Two processes
	// that stage at once may pass a bound by what they stage. Default 64 MiB and
	// 10,000.
	SpoolBytes  int64
	SpoolEvents int

	// TLS is used for https:// and tls://. nil means the system's roots.
	TLS *tls.Config

	// ConnectTimeout bounds dialling, Timeout one attempt as a whole. Default
	// 2 s and 10 s.
	ConnectTimeout time.Duration
	Timeout        time.Duration

	// Attempts is how often one delivery is tried while the server is
	// unavailable; between attempts the client waits 0.1 to 5 s. Default 3;
	// negative: until the context of the call ends.
	Attempts int

	// Transport replaces the HTTP transport, with TLS and ConnectTimeout.
	// Optional.
	Transport http.RoundTripper

	// Logger gets what a caller need not act on. nil discards.
	Logger *slog.Logger
}

// Client sends events. It is safe for concurrent use; its batches are not.
type Client struct {
	door   door
	spool  *spool // nil without a spool
	opts   Options
	logger *slog.Logger
}

// door is one way into a server. send delivers at most maxBatchEvents events
// of structured-mode JSON and returns when all are durable or refused. An error
// is an [*Error] and stands for all of them.
type door interface {
	send(ctx context.Context, raw [][]byte) (Receipt, error)
	close() error
}

// New returns a client. It opens the spool and connects to nobody: a server that
// is away is found out by the first delivery. It fails on options that cannot be
// used and on a spool that cannot be opened.
func New(opts Options) (*Client, error) {
	opts.ConnectTimeout = cmp.Or(opts.ConnectTimeout, 2*time.Second)
	opts.Timeout = cmp.Or(opts.Timeout, 10*time.Second)
	opts.Attempts = cmp.Or(opts.Attempts, 3)
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	server, err := url.Parse(opts.Server)
	if err != nil {
		// The cause would quote the address, which may hold a password.
		return nil, errors.New("the server's address is not a URL")
	}
	c := &Client{opts: opts, logger: opts.Logger}
	switch server.Scheme {
	case "http", "https":
		c.door = newHTTPDoor(server, opts)
	case "nats", "tls":
		if opts.KeepRecorded {
			return nil, errors.New("keeping recorded times needs an http:// or https:// server")
		}
		if c.door, err = newNATSDoor(server, opts); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("server scheme %q is none of http, https, nats, tls", server.Scheme)
	}
	if opts.SpoolDir != "" {
		c.spool, err = openSpool(opts.SpoolDir, opts.SpoolBytes, opts.SpoolEvents)
		if err != nil {
			return nil, errors.Join(err, c.door.close())
		}
	}
	return c, nil
}

// Close releases connections. It does not wait for deliveries and touches
// nothing in the spool.
func (c *Client) Close() error { return c.door.close() }

// Send brings events to the server, past the spool. nil means that all of them
// are durable there. Otherwise the error is an [*Error], or several joined: one
// for each event that was refused.
func (c *Client) Send(ctx context.Context, evs ...events.Event) error {
	receipt, err := c.Deliver(ctx, evs)
	if err != nil {
		return err
	}
	return refusals(receipt.Refused)
}

// Deliver is [Client.Send] for many events with a receipt: refused events are
// no error but listed. After an error the receipt counts the events before the
// batch that failed.
func (c *Client) Deliver(ctx context.Context, evs []events.Event) (Receipt, error) {
	raw, err := c.encode(evs)
	if err != nil {
		return Receipt{}, err
	}
	var total Receipt
	for start := 0; start < len(raw); {
		n := batchLen(raw[start:])
		receipt, err := c.send(ctx, raw[start:start+n])
		if err != nil {
			return total, err
		}
		total.add(receipt, start)
		start += n
	}
	return total, nil
}

// send brings one batch to the door. Events that are refused are listed in the
// receipt, whether the server lists them itself or answers for one event alone.
// A batch that is refused as a whole is sent again one by one, so that one bad
// event does not keep the others out.
func (c *Client) send(ctx context.Context, raw [][]byte) (Receipt, error) {
	receipt, err := c.try(ctx, raw)
	var e *Error
	if !errors.As(err, &e) || e.Kind != ErrRefused {
		return receipt, err
	}
	if len(raw) == 1 {
		return Receipt{Refused: []Refusal{{Code: e.Code, Detail: e.Detail}}}, nil
	}
	var total Receipt
	for i := range raw {
		one, err := c.send(ctx, raw[i:i+1])
		if err != nil {
			return total, err
		}
		total.add(one, i)
	}
	return total, nil
}

// try sends one batch as often as the options say.
func (c *Client) try(ctx context.Context, raw [][]byte) (Receipt, error) {
	var receipt Receipt
	err := retry(ctx, c.opts.Attempts, func(ctx context.Context) (err error) {
		ctx, cancel := context.WithTimeoutCause(ctx, c.opts.Timeout, errSlow)
		defer cancel()
		receipt, err = c.door.send(ctx, raw)
		return err
	})
	return receipt, err
}

var errSlow = errors.New("the server did not answer in time")

func (c *Client) encode(evs []events.Event) ([][]byte, error) {
	raw := make([][]byte, len(evs))
	for i, e := range evs {
		e.Source = cmp.Or(e.Source, c.opts.Source)
		b, err := e.Encode()
		if err != nil {
			return nil, fmt.Errorf("event %d: %w", i, err)
		}
		raw[i] = b
	}
	return raw, nil
}

// batchLen returns how many of raw, at least one, make the next batch.
func batchLen(raw [][]byte) int {
	size := 0
	for i, b := range raw {
		if size += len(b) + 1; i == maxBatchEvents || i > 0 && size > maxBatchBytes {
			return i
		}
	}
	return len(raw)
}

func refusals(refused []Refusal) error {
	errs := make([]error, len(refused))
	for i, r := range refused {
		errs[i] = r.err()
	}
	return errors.Join(errs...)
}
