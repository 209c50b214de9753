package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/pkg/events"
)

const (
	// defaultServer is where `telltale serve` listens when nobody says otherwise.
	defaultServer = "http://127.0.0.1:8080"

	// requestTimeout bounds one request with its answer. The slowest answer, the
	// digest over a million deployments, takes a few seconds.
	requestTimeout = 30 * time.Second

	// maxAnswer bounds what is read of one answer, in bytes: a page of 1,000
	// deployments at their largest stays well below.
	maxAnswer = 256 << 20
)

// Client speaks to the HTTP API of a server. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// NewClient returns a client of the server at the given URL, which sends token,
// if there is one, as a bearer token. A server that is no http or https URL is
// an [*ExitError] of wrong usage. No connection is made yet.
func NewClient(server, token string) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usagef("--server %s is no http:// or https:// URL, such as %s", escape(server), defaultServer)
	}
	return &Client{
		base:  u,
		token: token,
		http: &http.Client{
			Timeout: requestTimeout,
			// The API never redirects; following one could carry the token elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Get reads the resource at path, below the server's URL, and returns its JSON. An answer other than 200 becomes an [*ExitError] around the
// server's own [*events.Error]: 3 for what does not exist, 4 for what the token
// does not allow, 1 for the rest. A server that does not answer is 1, with a
// hint on what to check.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (jsontext.Value, error) {
	u := c.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, usagef("no such resource: %s", escape(path))
	}
	return c.do(req, http.StatusOK)
}

// Say brings an event to the server, where it is durable when Say returns nil;
// again reports that the server had it already. An error is that of [Client.Get],
// with two codes more: 5 when nobody took the event and to say it again may help,
// 8 when it was decided on a state that has moved on.
func (c *Client) Say(ctx context.Context, e *events.Event) (again bool, err error) {
	text, err := e.Encode()
	if err != nil {
		return false, usagef("%w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath("/v1/events").String(), bytes.NewReader(text))
	if err != nil {
		return false, usagef("%w", err)
	}
	req.Header.Set("Content-Type", "application/cloudevents+json")
	raw, err := c.do(req, http.StatusAccepted)
	if err != nil {
		return false, untaken(err)
	}
	var receipt struct {
		Accepted   int `json:"accepted"`
		Duplicates int `json:"duplicates"`
	}
	if err := json.Unmarshal(raw, &receipt); err != nil || receipt.Accepted+receipt.Duplicates != 1 {
		return false, &ExitError{Code: ExitNotAccepted, Err: events.Errorf(events.CodeUnavailable,
			"%s does not say what became of the event", c.base.Redacted())}
	}
	return receipt.Duplicates == 1, nil
}

// untaken gives an event that was not taken the code that says why.
func untaken(err error) error {
	var exit *ExitError
	if !errors.As(err, &exit) {
		return err
	}
	switch events.CodeOf(err) {
	case events.CodeConflict:
		return &ExitError{Code: ExitRefused, Err: exit.Err}
	case events.CodeUnavailable, events.CodeQuota:
		return &ExitError{Code: ExitNotAccepted, Err: exit.Err}
	}
	return err
}

// do sends a request and returns the JSON of an answer with the wanted status.
func (c *Client) do(req *http.Request, want int) (jsontext.Value, error) {
	ctx := req.Context()
	req.Header.Set("Accept", "application/json")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, c.unreachable(ctx, err)
	}
	if res.StatusCode != want {
		return nil, c.refused(res, body)
	}
	if raw := jsontext.Value(body); raw.IsValid() {
		return raw, nil
	}
	return nil, c.stranger(res)
}

// unreachable explains a request that got no answer.
func (c *Client) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // the URL is named once, by us
	}
	return &ExitError{Code: ExitFailure, Err: events.Errorf(events.CodeUnavailable,
		"no answer from %s: %s", c.base.Redacted(), escape(err.Error())).
		WithHint("is `telltale serve` running? Start it, or name another server with --server or TELLTALE_SERVER")}
}

// refused turns a problem document into an error that says what to do next.
func (c *Client) refused(res *http.Response, body []byte) error {
	var p struct {
		Detail string      `json:"detail"`
		Code   events.Code `json:"code"`
		Hint   string      `json:"hint"`
	}
	media, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if media != "application/problem+json" || json.Unmarshal(body, &p) != nil || p.Code == "" {
		return c.stranger(res)
	}
	e := &events.Error{Code: p.Code, Detail: p.Detail, Hint: p.Hint}
	code := ExitFailure
	switch p.Code {
	case events.CodeNotFound:
		code = ExitNotFound
	case events.CodeAuth, events.CodeForbidden:
		code = ExitAuth
		if e.Hint == "" {
			e.Hint = "give a token that may do this with --token or TELLTALE_TOKEN"
		}
	}
	return &ExitError{Code: code, Err: e}
}

// stranger explains an answer that no Telltale server gives: most likely
// another program listens there, or a proxy answered in its place.
func (c *Client) stranger(res *http.Response) error {
	code := ExitFailure
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		code = ExitAuth
	}
	return &ExitError{Code: code, Err: events.Errorf(events.CodeUnavailable,
		"%s answered %d without a Telltale document", c.base.Redacted(), res.StatusCode).
		WithHint(fmt.Sprintf("does a Telltale server listen there? Try: curl -i %s/v1/status", c.base.Redacted()))}
}
