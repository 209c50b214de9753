package receiver

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A ticket system takes every call as a new one (class B). So a ticket carries
// what it is about, and a call that may be a repeat looks for it first. The
// tickets are for people, too: what a person closed stays closed.

// ticketKey is what a ticket about the message's problem is found by. Alerts
// come back under the same id, so the key says when the problem began.
func ticketKey(m *Message) string {
	return token(m.Alert) + "-" + strconv.FormatInt(m.Since.Unix(), 10)
}

// account is who calls an API: a user with a password, or the bearer of a token.
type account struct {
	username        string
	password, token Secret
}

// check says what an account lacks.
func (a *account) check() error {
	switch {
	case a.token == "" && (a.username == "" || a.password == ""):
		return errors.New("a username and a password are needed, or a token")
	case a.token != "" && a.password != "":
		return errors.New("there is a password and a token")
	}
	return nil
}

// header returns the header of a request whose body and answer are JSON.
func (a *account) header() http.Header {
	h := jsonHeader(a.token)
	h.Set("Accept", "application/json")
	if a.token == "" {
		pair := a.username + ":" + string(a.password)
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	return h
}

// creating corrects the verdict on a call that makes something new each time.
// Whoever said 5xx on the way, what is behind may have gone on.
func creating(r Result) Result {
	if r.Status >= http.StatusInternalServerError {
		r.Class = Ambiguous
	}
	return r
}

// looking corrects the verdict on a call that changes nothing.
func looking(r Result) Result {
	if r.Class == Ambiguous {
		r.Class = Transient
	}
	return r
}

// decodeJSON reads an answer. What a provider gets wrong in its JSON is no
// reason to lose a page.
func decodeJSON(raw []byte, into any) error {
	return json.Unmarshal(raw, into, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
}

// pause waits, and reports whether it came to the end of d.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// join puts a path of ours behind an address that may end in a slash.
func join(base, path string) string { return strings.TrimSuffix(base, "/") + "/" + path }
