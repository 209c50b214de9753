package obs

import (
	"encoding/json"
	"net/http"

	"github.com/telltale-dev/telltale/pkg/events"
)

// retryAfter is what a client that could not be served now is told to wait, in
// seconds. Committers and consumers reconnect within that time.
const retryAfter = "2"

// problem is RFC 9457 with our two members, code and hint.
type problem struct {
	Type   string      `json:"type"`
	Title  string      `json:"title"`
	Status int         `json:"status"`
	Detail string      `json:"detail"`
	Code   events.Code `json:"code"`
	Hint   string      `json:"hint,omitempty"`
}

// Status returns the HTTP status that goes with a code: what the sender can
// mend by changing the request is 400 unless HTTP has a closer word for it.
func Status(code events.Code) int {
	switch code {
	case events.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case events.CodeAuth:
		return http.StatusUnauthorized
	case events.CodeForbidden:
		return http.StatusForbidden
	case events.CodeQuota:
		return http.StatusTooManyRequests
	case events.CodeConflict:
		return http.StatusConflict
	case events.CodeNotFound:
		return http.StatusNotFound
	case events.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// WriteProblem answers a request with e as application/problem+json (RFC 9457)
// under the status that [Status] gives.
func WriteProblem(w http.ResponseWriter, e *events.Error) { WriteProblemAs(w, Status(e.Code), e) }

// WriteProblemAs is [WriteProblem] under another status, for what HTTP tells
// apart and the codes of the contract do not. Where the status asks for it, the
// answer says how to authenticate or when to come back; a header of that name
// that the caller has set stays.
func WriteProblemAs(w http.ResponseWriter, status int, e *events.Error) {
	body, err := json.Marshal(problem{
		Type:   "about:blank",
		Title:  http.StatusText(status),
		Status: status,
		Detail: e.Detail,
		Code:   e.Code,
		Hint:   e.Hint,
	})
	if err != nil { // strings and an integer always marshal
		http.Error(w, string(e.Code), status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	switch status {
	case http.StatusUnauthorized:
		setDefault(h, "WWW-Authenticate", `Bearer realm="telltale"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		setDefault(h, "Retry-After", retryAfter)
	}
	w.WriteHeader(status)
	if _, err := w.Write(append(body, '\n')); err != nil {
		return // the one who asked has gone
	}
}

func setDefault(h http.Header, name, value string) {
	if h.Get(name) == "" {
		h.Set(name, value)
	}
}

// NotFound answers what no route takes, so that a client meets a problem
// document there too and not the text of the standard library.
func NotFound() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		WriteProblem(w, events.Errorf(events.CodeNotFound, "nothing answers %s on this path", r.Method).
			WithHint("see /openapi.json for what there is"))
	})
}
