package receiver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	defaultTimeout = 15 * time.Second

	// maxReply is how much of an answer is read, in bytes: enough to use the
	// connection again after an honest answer, too little to hurt.
	maxReply = 64 << 10

	// maxProviderID bounds what an endpoint may have us record, in bytes.
	maxProviderID = 128
)

// newClient returns a client that goes exactly where it is told: no redirects,
// no proxy from the environment, no address inside, no decompression.
func newClient(timeout time.Duration, allowPrivate bool) *http.Client {
	dialer := &net.Dialer{Timeout: timeout}
	if !allowPrivate {
		dialer.Control = public
	}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
			IdleConnTimeout:        90 * time.Second,
			MaxIdleConnsPerHost:    8,
			MaxResponseHeaderBytes: maxReply,
			TLSHandshakeTimeout:    timeout,
		},
	}
}

// checkURL refuses addresses that no message should go to. Its errors do not
// quote the URL.
func checkURL(raw string, allowPrivate bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "":
		return errors.New("the URL is not an absolute URL")
	case u.Scheme != "https" && (u.Scheme != "http" || !allowPrivate):
		return errors.New("the URL is not https")
	case u.User != nil:
		return errors.New("the URL carries a user or a password")
	}
	return nil
}

// endpointName returns the name of an endpoint for records: its kind and a hash
// of what says where and under whose account messages go.
func endpointName(kind string, parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return kind + ":" + hex.EncodeToString(sum[:6])
}

// exchange makes one HTTP request and judges its answer by the status. reply is
// what the endpoint said, at most maxReply of it; an answer that breaks or drips
// is cut short, and its verdict stands all the same. now is when Retry-After
// counts from.
func exchange(
	ctx context.Context, client *http.Client, method, to string, header http.Header, body []byte, now time.Time,
) (result Result, reply []byte) {
	return exchangeUpTo(ctx, client, method, to, header, body, now, maxReply)
}

// exchangeUpTo is [exchange] for answers of which up to limit bytes matter.
func exchangeUpTo(
	ctx context.Context, client *http.Client, method, to string, header http.Header, body []byte, now time.Time, limit int64,
) (result Result, reply []byte) {
	sent := new(progress)
	req, err := http.NewRequestWithContext(sent.trace(ctx), method, to, bytes.NewReader(body))
	if err != nil {
		return Result{Class: Permanent, Detail: "the URL makes no request"}, nil
	}
	req.Header = header
	req.Header.Set("User-Agent", "telltale")
	resp, err := client.Do(req)
	if err != nil {
		return unanswered(err, sent.wrote()), nil
	}
	result = judge(resp, now)
	reply, err = io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		result.Detail = strings.TrimPrefix(result.Detail+"; its answer broke off", "; ")
	}
	if err := resp.Body.Close(); err != nil {
		result.Detail = strings.TrimPrefix(result.Detail+"; its connection did not close", "; ")
	}
	return result, reply
}
