package demo

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// The statuses of a message.
const (
	firing   = "firing"
	resolved = "resolved"
)

// message is what came to the inbox.
type message struct {
	id     string // webhook-id
	alert  string
	status string // firing or resolved
	title  string
	text   string
	fault  error // why it cannot be trusted, nil when signature and time are right
}

// inbox is the webhook of the person on call: it believes what is signed, as
// Standard Webhooks v1 says. It is safe for concurrent use.
type inbox struct {
	url    string
	secret string
	key    []byte
	now    func() time.Time
	server *http.Server
	ended  chan error // takes why server ended, once

	mu       sync.Mutex
	messages []message // guarded by mu; in the order in which they came
}

const (
	keyBytes = 32

	// maxAge is how far webhook-timestamp may be from the receiver's clock; older
	// messages may be replayed ones.
	maxAge = 5 * time.Minute

	maxMessage = 64 << 10 // bytes
)

// openInbox opens an inbox on a free port of this machine.
func openInbox(ctx context.Context, now func() time.Time) (*inbox, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the inbox: %w", err)
	}
	in := newInbox(now)
	in.url = "http://" + l.Addr().String() + "/messages"
	in.server = &http.Server{Handler: in, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	go func() { in.ended <- in.server.Serve(l) }()
	return in, nil
}

// close ends the inbox at once and returns when it has ended.
func (in *inbox) close() error {
	err := in.server.Close()
	if ended := <-in.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve the inbox: %w", ended))
	}
	return err
}

func newInbox(now func() time.Time) *inbox {
	in := &inbox{key: make([]byte, keyBytes), now: now, ended: make(chan error, 1)}
	rand.Read(in.key) // never fails
	in.secret = "whsec_" + base64.StdEncoding.EncodeToString(in.key)
	return in
}

// ServeHTTP takes one message. One that cannot be trusted is kept with the
// reason, and refused.
func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil {
		http.Error(w, "the message cannot be read", http.StatusBadRequest)
		return
	}
	m := message{id: r.Header.Get("webhook-id"), fault: in.verify(r.Header, body)}
	if m.fault == nil {
		m.fault = m.read(body)
	}
	in.mu.Lock()
	in.messages = append(in.messages, m)
	in.mu.Unlock()
	if m.fault != nil {
		http.Error(w, m.fault.Error(), http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// received returns the messages so far.
func (in *inbox) received() []message {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.messages)
}

// with returns the last message that has a status, or an error that says that
// there is none.
func (in *inbox) with(status string) (message, error) {
	for _, m := range slices.Backward(in.received()) {
		if m.status == status {
			return m, nil
		}
	}
	return message{}, fmt.Errorf("no message says %s", status)
}

// verify checks time and signature of a message (Standard Webhooks, "Verifying
// webhook authenticity").
func (in *inbox) verify(h http.Header, body []byte) error {
	id, stamp := h.Get("webhook-id"), h.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || id == "" {
		return errors.New("webhook-id or webhook-timestamp is missing")
	}
	if age := in.now().Sub(time.Unix(seconds, 0)); age.Abs() > maxAge {
		return errors.New("webhook-timestamp is too far from now")
	}
	mac := hmac.New(sha256.New, in.key)
	fmt.Fprintf(mac, "%s.%s.", id, stamp)
	mac.Write(body)
	want := mac.Sum(nil)
	for signature := range strings.FieldsSeq(h.Get("webhook-signature")) {
		text, ok := strings.CutPrefix(signature, "v1,")
		got, err := base64.StdEncoding.DecodeString(text)
		if ok && err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return errors.New("webhook-signature is not ours")
}

// read takes what the message says from its body, a CloudEvent.
func (m *message) read(body []byte) error {
	var e struct {
		ID   string `json:"id"`
		Data struct {
			Alert  string `json:"alert"`
			Status string `json:"status"`
			Title  string `json:"title"`
			Text   string `json:"text"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return fmt.Errorf("read the message: %w", err)
	}
	if e.ID != m.id {
		return errors.New("the event's id is not webhook-id")
	}
	m.alert, m.status, m.title, m.text = e.Data.Alert, e.Data.Status, e.Data.Title, e.Data.Text
	return nil
}
