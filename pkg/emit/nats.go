package emit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/telltale-dev/telltale/pkg/events"
)

// natsDoor publishes on the emitter's raw subject. It connects with the first
// delivery; nats.go then reconnects by itself.
type natsDoor struct {
	url        string
	subject    string
	options    []nats.Option
	ackTimeout time.Duration

	// mu guards js and is held while connecting, so that deliveries share one
	// connection.
	mu sync.Mutex
	js jetstream.JetStream

	// denied is closed by once when the server refuses the subject: it says so
	// out of band, and a publish would otherwise wait for its deadline. Only a
	// new client, with other credentials, can publish again.
	denied chan struct{}
	once   sync.Once
}

func newNATSDoor(server *url.URL, opts Options) (*natsDoor, error) {
	emitter := opts.Emitter
	if emitter == "" {
		emitter = server.User.Username()
	}
	if emitter == "" {
		emitter = "local"
	}
	if err := events.CheckName("emitter", emitter); err != nil {
		return nil, err
	}
	d := &natsDoor{
		url: server.String(), subject: events.RawSubject(emitter),
		ackTimeout: opts.Timeout, denied: make(chan struct{}),
	}
	d.options = []nats.Option{
		nats.Name("telltale-emit"),
		nats.Timeout(opts.ConnectTimeout),
		nats.ErrorHandler(d.onError),
		nats.NoCallbacksAfterClientClose(),
		nats.MaxReconnects(-1), // a long deployment outlasts a short outage
	}
	switch {
	case opts.CredsFile != "" && opts.Token != "":
		return nil, errors.New("a credentials file and a token exclude each other")
	case opts.CredsFile != "":
		d.options = append(d.options, nats.UserCredentials(opts.CredsFile))
	case opts.Token != "" && opts.Emitter != "":
		d.options = append(d.options, nats.UserInfo(opts.Emitter, opts.Token))
	case opts.Token != "":
		d.options = append(d.options, nats.Token(opts.Token))
	}
	if opts.TLS != nil {
		d.options = append(d.options, nats.Secure(opts.TLS))
	}
	return d, nil
}

func (d *natsDoor) onError(_ *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		d.once.Do(func() { close(d.denied) })
	}
}

func (d *natsDoor) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.js != nil {
		d.js.Conn().Close()
		d.js = nil
	}
	return nil
}

func (d *natsDoor) send(ctx context.Context, raw [][]byte) (Receipt, error) {
	js, err := d.connect()
	if err != nil {
		return Receipt{}, err
	}
	acks := make([]jetstream.PubAckFuture, len(raw))
	for i, b := range raw {
		msg := nats.NewMsg(d.subject)
		msg.Header.Set("Content-Type", "application/cloudevents+json")
		msg.Data = b
		if acks[i], err = js.PublishMsgAsync(msg); err != nil {
			return Receipt{}, natsError(err)
		}
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return Receipt{}, natsError(err)
		case <-d.denied:
			return Receipt{}, &Error{Kind: ErrForbidden, Detail: "may not publish on " + d.subject}
		case <-ctx.Done():
			return Receipt{}, unavailable(context.Cause(ctx), "no acknowledgement")
		}
	}
	return Receipt{Accepted: len(raw)}, nil
}

func (d *natsDoor) connect() (jetstream.JetStream, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	// nats.go gives up for good when the server turns it away twice.
	if d.js != nil && !d.js.Conn().IsClosed() {
		return d.js, nil
	}
	nc, err := nats.Connect(d.url, d.options...)
	if err != nil {
		return nil, natsError(err)
	}
	// Publishes whose answer got lost are forgotten after ackTimeout; send has
	// given up on them by then.
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncTimeout(d.ackTimeout))
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("open JetStream: %w", err)
	}
	d.js = js
	return js, nil
}

// codeMessageTooLarge is the JetStream server's code for a message over the
// limit of its stream.
const codeMessageTooLarge jetstream.ErrorCode = 10054

func natsError(err error) *Error {
	for _, denied := range []error{
		nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked,
		nats.ErrAccountAuthExpired, nats.ErrPermissionViolation,
	} {
		if errors.Is(err, denied) {
			return &Error{Kind: ErrForbidden, Detail: "the NATS server does not let us in", Err: err}
		}
	}
	var refused *jetstream.APIError
	if errors.Is(err, nats.ErrMaxPayload) || errors.As(err, &refused) && refused.ErrorCode == codeMessageTooLarge {
		return &Error{Kind: ErrRefused, Code: events.CodeTooLarge, Detail: "the event is larger than the NATS server takes"}
	}
	return unavailable(err, "cannot publish")
}
