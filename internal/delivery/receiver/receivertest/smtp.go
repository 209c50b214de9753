package receivertest

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
)

// MailSetup says how to make the mail receiver under test.
type MailSetup struct {
	// New returns a receiver for the mail server at addr, which is on loopback and
	// offers neither TLS nor AUTH, with the given timeout.
	New func(t *testing.T, addr string, timeout time.Duration) receiver.Receiver

	// Secrets are texts that nothing may show.
	Secrets []string
}

// RunMail is [Run] for a receiver that speaks SMTP.
func RunMail(t *testing.T, setup MailSetup) {
	t.Run("answers", func(t *testing.T) { mailAnswers(t, setup) })
	t.Run("no answer", func(t *testing.T) { mailNoAnswer(t, setup) })
	t.Run("nobody there", func(t *testing.T) { mailNobody(t, setup) })
	t.Run("hostile answers", func(t *testing.T) { mailHostile(t, setup) })
	t.Run("repeat is the same", func(t *testing.T) { mailRepeat(t, setup) })
	t.Run("ended context", func(t *testing.T) { mailEnded(t, setup) })
}

func mailAnswers(t *testing.T, setup MailSetup) {
	for _, c := range []struct {
		step, answer string
		class        receiver.Class
	}{
		{"END", "250 2.0.0 Ok: queued as 4XZ", receiver.Delivered},
		{"GREETING", "421 too many of you", receiver.Transient},
		{"GREETING", "554 no mail here", receiver.Environment},
		{"MAIL", "451 later", receiver.Transient},
		{"MAIL", "553 not for you", receiver.Environment},
		{"RCPT", "450 not yet", receiver.Transient},
		{"RCPT", "550 nobody of that name", receiver.Permanent},
		{"DATA", "451 the disk is full", receiver.Transient},
		{"DATA", "554 no", receiver.Permanent},
		{"END", "452 the disk is full", receiver.Transient},
		{"END", "554 looks like spam", receiver.Permanent},
	} {
		t.Run(c.step+" "+c.answer[:3], func(t *testing.T) {
			s := NewMailServer(t, MailScript{Answers: map[string]string{c.step: c.answer}})
			got := sendMail(t, setup, s.Addr, patience)
			if got.Class != c.class || strings.Contains(got.Detail, c.answer[4:]) {
				t.Errorf("got %+v, want class %s and none of the server's words", got, c.class)
			}
			if want := c.class == receiver.Delivered; (len(s.Mails()) == 1) != want {
				t.Errorf("the server has %d mails", len(s.Mails()))
			}
		})
	}
}

func mailNoAnswer(t *testing.T, setup MailSetup) {
	for _, step := range []string{"GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"} {
		want, mails := receiver.Transient, 0
		if step == "END" {
			want, mails = receiver.Ambiguous, 1
		}
		dropped := NewMailServer(t, MailScript{DropAt: step})
		if got := sendMail(t, setup, dropped.Addr, patience); got.Class != want {
			t.Errorf("a session that was dropped at %s counts as %+v", step, got)
		}
		silent := NewMailServer(t, MailScript{HangAt: step})
		if got := sendMail(t, setup, silent.Addr, 200*time.Millisecond); got.Class != want {
			t.Errorf("a session that fell silent at %s counts as %+v", step, got)
		}
		if len(dropped.Mails()) != mails || len(silent.Mails()) != mails {
			t.Errorf("%s: the servers have %d and %d mails", step, len(dropped.Mails()), len(silent.Mails()))
		}
	}
}

func mailNobody(t *testing.T, setup MailSetup) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if got := sendMail(t, setup, listener.Addr().String(), patience); got.Class != receiver.Transient {
		t.Errorf("a call that reached nobody counts as %+v", got)
	}
}

// mailHostile plays servers that never come to an end. The receiver has to leave
// long before its timeout, with little read.
func mailHostile(t *testing.T, setup MailSetup) {
	for name, say := range map[string]string{
		"one line":   "220 x",
		"many lines": "220-x\r\n",
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		wrote := make(chan int64, 1)
		go func() {
			conn, err := listener.Accept()
			if err != nil {
				wrote <- -1
				return
			}
			n, _ := io.Copy(conn, &endless{text: say}) // ends when the receiver leaves
			conn.Close()
			wrote <- n
		}()
		got := sendMail(t, setup, listener.Addr().String(), time.Hour)
		if got.Class == receiver.Delivered || got.Class == receiver.Permanent {
			t.Errorf("%s without an end counts as %+v", name, got)
		}
		if n := <-wrote; n < 0 || n > 64<<20 {
			t.Errorf("%s: the server could say %d bytes", name, n)
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}

// endless reads as a text over and over; the first four bytes come once.
type endless struct {
	text  string
	begun bool
}

func (e *endless) Read(p []byte) (int, error) {
	n := 0
	for len(p)-n >= len(e.text) {
		from := e.text
		if e.begun && !strings.Contains(from, "\n") {
			from = from[4:]
		}
		e.begun = true
		n += copy(p[n:], from)
	}
	return n, nil
}

func mailRepeat(t *testing.T, setup MailSetup) {
	s := NewMailServer(t, MailScript{})
	sendMail(t, setup, s.Addr, patience)
	sendMail(t, setup, s.Addr, patience)
	if got := s.Mails(); len(got) != 2 || got[0].Text != got[1].Text {
		t.Errorf("two calls under one id brought %q", got)
	}
}

func mailEnded(t *testing.T, setup MailSetup) {
	s := NewMailServer(t, MailScript{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := setup.New(t, s.Addr, patience).Send(ctx, Call())
	if got.Class == receiver.Delivered || got.Class == receiver.Permanent || s.Sessions() != 0 {
		t.Errorf("a call that was never made counts as %+v, with %d sessions", got, s.Sessions())
	}
}

// sendMail makes one call and looks for secrets in all that comes out of it.
func sendMail(t *testing.T, setup MailSetup, addr string, timeout time.Duration) receiver.Result {
	t.Helper()
	r := setup.New(t, addr, timeout)
	got := r.Send(t.Context(), Call())
	shown := fmt.Sprintf("%v %+v %#v %s %+v", r, r, r, r.Endpoint(), got)
	for _, secret := range append([]string{addr}, setup.Secrets...) {
		if strings.Contains(shown, secret) {
			t.Errorf("a secret shows in %q", strings.ReplaceAll(shown, secret, "***"))
		}
	}
	if got.Class != receiver.Delivered && got.Detail == "" {
		t.Errorf("no sentence says why %+v", got)
	}
	return got
}
