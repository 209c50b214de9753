package receiver

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// endpoint is what receivers over HTTP have in common. It is made to be
// embedded, so that none of them prints its fields by accident.
type endpoint struct {
	name   string
	client *http.Client
	now    func() time.Time
}

// newEndpoint returns the endpoint of a kind; parts say where messages go and
// under whose account. A zero timeout is 15 s, a nil now is time.Now.
func newEndpoint(kind string, timeout time.Duration, allowPrivate bool, now func() time.Time, parts ...string) endpoint {
	if timeout == 0 {
		timeout = defaultTimeout
	}
	if now == nil {
		now = time.Now
	}
	return endpoint{name: endpointName(kind, parts...), client: newClient(timeout, allowPrivate), now: now}
}

// Endpoint returns the kind and a hash of where messages go.
func (e *endpoint) Endpoint() string { return e.name }

// String returns the endpoint's name, so that printing shows no secret.
func (e *endpoint) String() string { return e.name }

// GoString returns the endpoint's name, so that printing shows no secret.
func (e *endpoint) GoString() string { return e.name }

// LogValue returns the endpoint's name, so that logging shows no secret.
func (e *endpoint) LogValue() slog.Value { return slog.StringValue(e.name) }

// Close closes idle connections. Calls that are under way go on.
func (e *endpoint) Close() { e.client.CloseIdleConnections() }

// post makes one POST and judges its answer, see [exchange].
func (e *endpoint) post(ctx context.Context, to string, header http.Header, body []byte) (Result, []byte) {
	return exchange(ctx, e.client, http.MethodPost, to, header, body, e.now())
}

// unwritable is the verdict on a message that makes no body.
func unwritable() Result {
	return Result{Class: Permanent, Detail: "the message cannot be written as JSON"}
}

// encode writes v as JSON, the same bytes for the same value. What is not UTF-8
// is replaced: a page with a question mark in it is better than none.
func encode(v any) ([]byte, error) {
	return json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
}

// jsonHeader returns the header of a request whose body is JSON. An empty token
// authorizes nothing.
func jsonHeader(bearer Secret) http.Header {
	h := make(http.Header)
	h.Set("Content-Type", "application/json; charset=utf-8")
	if bearer != "" {
		h.Set("Authorization", "Bearer "+string(bearer))
	}
	return h
}
