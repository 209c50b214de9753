package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

const (
	callTimeout = 15 * time.Second
	maxReply    = 64 << 10 // how much of an answer is read, in bytes, to use the connection again
)

// HTTP posts events to one URL, as CloudEvents in structured mode.
type HTTP struct {
	url    string
	token  string
	client *http.Client
}

// NewHTTP returns a sink for an http or https URL. The token, if not "", goes
// along as a bearer token. Nothing is connected to yet.
func NewHTTP(to, token string) (*HTTP, error) {
	u, err := url.Parse(to)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.User != nil {
		return nil, errors.New("the address for CDEvents is not an absolute http or https URL without a password")
	}
	return &HTTP{url: to, token: token, client: &http.Client{
		Timeout:       callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Send posts an event. Answers that are about the event (400, 413 and 422)
// refuse it; all others but 2xx are about the endpoint, also 401 and 404, and may
// pass.
func (h *HTTP) Send(ctx context.Context, e *events.Event) error {
	body, err := e.Encode()
	if err != nil {
		return &RefusedError{Reason: err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	req.Header.Set("User-Agent", "telltale")
	if h.token != "" {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	// The status is the verdict; what follows it changes nothing.
	_, rest := io.CopyN(io.Discard, resp.Body, maxReply)
	if errors.Is(rest, io.EOF) {
		rest = nil
	}
	rest = errors.Join(rest, resp.Body.Close())
	switch {
	case resp.StatusCode/100 == 2:
		return nil
	case resp.StatusCode == http.StatusBadRequest, resp.StatusCode == http.StatusRequestEntityTooLarge, resp.StatusCode == http.StatusUnprocessableEntity:
		return &RefusedError{Reason: resp.Status}
	}
	return errors.Join(fmt.Errorf("the endpoint answers %s", resp.Status), rest)
}
