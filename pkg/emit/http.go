package emit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// maxAnswer bounds how much of an answer is read, in bytes: a receipt that
// refuses each event of a batch fits.
const maxAnswer = 1 << 20

// httpDoor posts to /v1/events.
type httpDoor struct {
	client *http.Client
	url    string
	token  string
	own    *http.Transport // nil when the caller brought a transport
}

func newHTTPDoor(server *url.URL, opts Options) *httpDoor {
	endpoint := server.JoinPath("v1", "events")
	if opts.KeepRecorded {
		endpoint.RawQuery = "import=true"
	}
	d := &httpDoor{url: endpoint.String(), token: opts.Token}
	d.client = &http.Client{
		Transport: opts.Transport,
		// A redirected POST loses its body or its token, depending on who answers:
		// the address has to be mended instead.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if d.client.Transport == nil {
		d.own = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: opts.ConnectTimeout}).DialContext,
			TLSClientConfig:     opts.TLS,
			TLSHandshakeTimeout: opts.ConnectTimeout,
			ForceAttemptHTTP2:   true,
			MaxIdleConns:        4,
			IdleConnTimeout:     time.Minute,
		}
		d.client.Transport = d.own
	}
	if opts.Token != "" && server.Scheme == "http" && !isLoopback(server.Hostname()) {
		opts.Logger.Warn("the token travels unencrypted: use https", "host", server.Host)
	}
	return d
}

func (d *httpDoor) close() error {
	if d.own != nil {
		d.own.CloseIdleConnections()
	}
	return nil
}

func (d *httpDoor) send(ctx context.Context, raw [][]byte) (Receipt, error) {
	body, contentType := raw[0], "application/cloudevents+json"
	if len(raw) > 1 {
		body, contentType = array(raw), "application/cloudevents-batch+json"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return Receipt{}, unavailable(nil, "the server's address cannot be used")
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "telltale-emit")
	if d.token != "" {
		req.Header.Set("Authorization", "Bearer "+d.token)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return Receipt{}, unavailable(cause(ctx, err), "cannot reach the server")
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return Receipt{}, unavailable(cause(ctx, err), "the server's answer broke off")
	}
	if resp.StatusCode == http.StatusAccepted {
		return parseReceipt(answer, len(raw))
	}
	return Receipt{}, judge(resp, answer)
}

// parseReceipt reads the body of a 202. An answer that does not account for
// every event is not one of ours (a proxy, a captive portal) and proves nothing.
func parseReceipt(answer []byte, sent int) (Receipt, error) {
	var body struct {
		Accepted    int       `json:"accepted"`
		Duplicates  int       `json:"duplicates"`
		Ignored     int       `json:"ignored"` // of tools, by their mapping: taken, and without effect
		Quarantined []Refusal `json:"quarantined"`
	}
	if err := json.Unmarshal(answer, &body); err != nil {
		return Receipt{}, unavailable(nil, "the answer is not a receipt: is this a Telltale server?")
	}
	body.Accepted += body.Ignored
	if body.Accepted+body.Duplicates+len(body.Quarantined) != sent {
		return Receipt{}, unavailable(nil, "the receipt does not account for every event")
	}
	for _, r := range body.Quarantined {
		if r.Index < 0 || r.Index >= sent {
			return Receipt{}, unavailable(nil, "the receipt names an event that was not sent")
		}
	}
	return Receipt{Accepted: body.Accepted, Duplicates: body.Duplicates, Refused: body.Quarantined}, nil
}

// judge turns any other answer into an error. Only a problem document of ours
// may refuse an event for good: a proxy answers 400 too.
func judge(resp *http.Response, answer []byte) *Error {
	e := &Error{Kind: ErrUnavailable, Status: resp.StatusCode, Detail: "the server answers " + resp.Status}
	e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"))
	var problem struct {
		Detail string      `json:"detail"`
		Code   events.Code `json:"code"`
		Hint   string      `json:"hint"`
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	ours := err == nil && kind == "application/problem+json" &&
		json.Unmarshal(answer, &problem) == nil && problem.Code != ""
	if ours {
		e.Code, e.Detail, e.Hint = problem.Code, problem.Detail, problem.Hint
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Kind = ErrForbidden
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		if ours {
			e.Kind = ErrRefused
		}
	}
	return e
}

// retryAfter reads the header's form in seconds; the form as a date counts as
// absent, our servers do not use it.
func retryAfter(s string) time.Duration {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// cause prefers what ended ctx over what that looks like from below, and strips
// the address from an error of net/http.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func array(raw [][]byte) []byte {
	out := append([]byte{'['}, bytes.Join(raw, []byte{','})...)
	return append(out, ']')
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
