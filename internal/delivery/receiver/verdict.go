package receiver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// judge gives the verdict on an answer.
func judge(resp *http.Response, now time.Time) Result {
	r := Result{
		Status:     resp.StatusCode,
		ProviderID: printable(resp.Header.Get("X-Request-Id")),
		Class:      Permanent,
	}
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		r.Class = Delivered
		return r
	case code >= 300 && code < 400:
		// Never followed: it could lead inside. The endpoint has moved, which a
		// person can mend within the ladder's time.
		r.Class = Environment
	case code == http.StatusGone:
		r.Gone = true
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		r.Class = Transient
		r.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	}
	r.Detail = fmt.Sprintf("the endpoint answered %d %s", r.Status, http.StatusText(r.Status))
	return r
}

// retryAfter reads both forms of Retry-After (RFC 9110, section 10.2.3). It
// returns 0 for what is neither, and for times that are past.
func retryAfter(s string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// unanswered gives the verdict on a call without an answer; wrote says whether
// the request had been handed to the network. The detail is ours, as the
// error's text may quote the URL.
func unanswered(err error, wrote bool) Result {
	var (
		dns      *net.DNSError
		timeout  net.Error
		cert     *tls.CertificateVerificationError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		record   tls.RecordHeaderError
	)
	late := errors.As(err, &timeout) && timeout.Timeout()
	switch {
	case wrote && late:
		return Result{Class: Ambiguous, Detail: "the endpoint did not answer in time"}
	case wrote:
		return Result{Class: Ambiguous, Detail: "the connection broke before an answer came"}
	case errors.Is(err, errForbiddenAddress):
		return Result{Class: Environment, Detail: errForbiddenAddress.Error()}
	case errors.As(err, &dns):
		return Result{Class: Environment, Detail: "the endpoint's name does not resolve"}
	case errors.As(err, &cert), errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &record):
		return Result{Class: Environment, Detail: "the endpoint's TLS certificate is not accepted"}
	case late:
		return Result{Class: Transient, Detail: "the endpoint could not be reached in time"}
	default:
		return Result{Class: Transient, Detail: "the endpoint could not be reached"}
	}
}

// progress remembers whether a request has left. The transport writes from its
// own goroutine, hence the atomic.
type progress struct{ began atomic.Bool }

func (p *progress) wrote() bool { return p.began.Load() }

// trace counts a request as sent from its headers on: from there the endpoint
// may have acted.
func (p *progress) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { p.began.Store(true) },
	})
}

// printable bounds a text from outside and keeps what is safe in any log.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x21 || r > 0x7e {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), maxProviderID)]
}
