package receiver_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

func newEmail(t *testing.T, addr string, change func(*receiver.EmailConfig)) *receiver.Email {
	t.Helper()
	plain := false
	cfg := receiver.EmailConfig{
		To: "ops@example.test", From: "Telltale <telltale@example.test>", Smarthost: addr,
		RequireTLS: &plain, AllowPrivate: true,
	}
	if change != nil {
		change(&cfg)
	}
	e, err := receiver.NewEmail(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestEmailConformance(t *testing.T) {
	receivertest.RunMail(t, receivertest.MailSetup{
		New: func(t *testing.T, addr string, timeout time.Duration) receiver.Receiver {
			return newEmail(t, addr, func(c *receiver.EmailConfig) { c.Timeout = timeout })
		},
	})
}

// TestEmailStory: a server takes the mail and drops the connection. The repeat
// says that it may be one and has the same Message-ID; the resolve answers the
// first mail, in the same thread.
func TestEmailStory(t *testing.T) {
	s := receivertest.NewMailServer(t, receivertest.MailScript{DropAt: "END"})
	e := newEmail(t, s.Addr, nil)
	call := receivertest.Call()
	if got := e.Send(t.Context(), call); got.Class != receiver.Ambiguous {
		t.Fatalf("%+v", got)
	}
	s.Play(receivertest.MailScript{})
	call.Again = true
	got := e.Send(t.Context(), call)
	if got.Class != receiver.Delivered || got.Ref != "<nt_1@example.test>" || got.ProviderID != "2.0.0_Ok:_queued_as_4XZ" {
		t.Fatalf("%+v", got)
	}
	resolve := receivertest.Call()
	resolve.ID, resolve.Ref = "nt_2", got.Ref
	resolve.Message.Status = receiver.StatusResolved
	resolve.Message.Title = "Resolved: checkout 2.14.0 in prod/eu-west-1 is deployed"
	resolve.Message.At = resolve.Message.At.Add(time.Hour)
	if again := e.Send(t.Context(), resolve); again.Class != receiver.Delivered || again.Ref != got.Ref {
		t.Fatalf("%+v", again)
	}

	mails := s.Mails()
	if len(mails) != 3 || s.Shown() != 2 {
		t.Fatalf("%d mails came, of which a store shows %d", len(mails), s.Shown())
	}
	golden(t, "email.golden.eml", []byte(mails[0].Text))
	golden(t, "email-repeat.golden.eml", []byte(mails[1].Text))
	golden(t, "email-resolved.golden.eml", []byte(mails[2].Text))
}

// TestEmailNobodyWritesHeaders: what an event says ends no line of ours and
// starts none of its own.
func TestEmailNobodyWritesHeaders(t *testing.T) {
	s := receivertest.NewMailServer(t, receivertest.MailScript{})
	e := newEmail(t, s.Addr, func(c *receiver.EmailConfig) {
		c.Headers = map[string]string{"X-Team": "ops\r\nBcc: eve@example.test"}
	})
	call := receivertest.Call()
	call.ID = "nt_1>\r\nBcc: eve@example.test"
	call.Ref = "<nt_0@example.test>\r\nBcc: eve@example.test"
	call.Message.Alert = "al_1\nBcc: eve@example.test"
	call.Message.Title = "failed\r\nBcc: eve@example.test\r\n\r\nClick \u2028here\x00"
	call.Message.Text = "one\r\n.\r\nMAIL FROM:<eve@example.test>\r\nthree\x1b[2J"
	call.Message.Link = "https://x.test/\r\nBcc: eve@example.test"
	call.Message.Labels = map[string]string{"a\r\nb": "c\r\nd"}
	if got := e.Send(t.Context(), call); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	got := s.Mails()
	if len(got) != 1 || len(got[0].To) != 1 {
		t.Fatalf("%q", got)
	}
	for _, line := range s.Said() {
		if strings.Contains(line, "eve") {
			t.Errorf("the server was told %q", line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(got[0].Text))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" || m.Header.Get("Subject") != "failed Bcc: eve@example.test Click here" {
		t.Errorf("%v", m.Header)
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(body); strings.ContainsAny(text, "\x1b\x00") || !strings.Contains(text, "\na b: c d\n") {
		t.Errorf("%q", text)
	}
}

func TestEmailKeepsItsLimits(t *testing.T) {
	s := receivertest.NewMailServer(t, receivertest.MailScript{})
	call := receivertest.Call()
	call.Again = true
	call.Message.Title = strings.Repeat("ä", 5000)
	call.Message.Text = strings.Repeat("ö", 200<<10)
	if got := newEmail(t, s.Addr, nil).Send(t.Context(), call); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	m, err := mail.ReadMessage(strings.NewReader(s.Mails()[0].Text))
	if err != nil {
		t.Fatal(err)
	}
	subject := decoded(t, m.Header.Get("Subject"))
	if n := len([]rune(subject)); n != 200 || !strings.HasSuffix(subject, "ä… (may be a repeat)") {
		t.Errorf("the subject has %d runes: %q", n, subject)
	}
	for line := range strings.Lines(s.Mails()[0].Text) {
		if len(line) > 998 {
			t.Errorf("a line has %d bytes", len(line))
		}
	}
}

// An address that does not exist keeps the mail from nobody else; one that may
// exist later does, so that nobody is told twice.
func TestEmailRecipients(t *testing.T) {
	s := receivertest.NewMailServer(t, receivertest.MailScript{Refused: []string{"gone@example.test"}})
	e := newEmail(t, s.Addr, func(c *receiver.EmailConfig) { c.To = "ops@example.test, gone@example.test" })
	got := e.Send(t.Context(), receivertest.Call())
	if got.Class != receiver.Delivered || !strings.HasSuffix(got.Detail, "no mail for recipient 2") {
		t.Errorf("%+v", got)
	}
	if mails := s.Mails(); len(mails) != 1 || len(mails[0].To) != 1 || mails[0].To[0] != "TO:<ops@example.test>" {
		t.Errorf("%q", mails)
	}
}

func TestEmailLogsInAndEncrypts(t *testing.T) {
	// Any server of TLS has a certificate and those who trust it.
	trusted := httptest.NewUnstartedServer(nil)
	trusted.StartTLS()
	defer trusted.Close()
	roots := x509.NewCertPool()
	roots.AddCert(trusted.Certificate())
	certificate := &tls.Config{Certificates: trusted.TLS.Certificates}
	required := true

	cases := []struct {
		name   string
		server func(*receivertest.MailScript)
		config func(*receiver.EmailConfig)
		class  receiver.Class
		detail string
	}{
		{
			"all is well", func(*receivertest.MailScript) {}, func(*receiver.EmailConfig) {}, receiver.Delivered, "",
		},
		{
			"TLS from the first byte", func(s *receivertest.MailScript) { s.Implicit = true },
			func(c *receiver.EmailConfig) { c.ForceImplicitTLS = &required }, receiver.Delivered, "",
		},
		{
			"no STARTTLS", func(s *receivertest.MailScript) { s.TLS = nil }, func(*receiver.EmailConfig) {},
			receiver.Environment, "offers no STARTTLS",
		},
		{
			"a certificate of its own", func(*receivertest.MailScript) {}, func(c *receiver.EmailConfig) { c.TLSConfig = nil },
			receiver.Environment, "certificate is not accepted",
		},
		{
			"a wrong password", func(s *receivertest.MailScript) { s.Answers = map[string]string{"AUTH": "535 hush no"} },
			func(*receiver.EmailConfig) {}, receiver.Environment, "answered 535 to AUTH",
		},
		{
			"no way to log in", func(s *receivertest.MailScript) { s.Auth = "XOAUTH2" }, func(*receiver.EmailConfig) {},
			receiver.Environment, "no way to log in",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			script := receivertest.MailScript{TLS: certificate, Auth: "PLAIN LOGIN"}
			c.server(&script)
			s := receivertest.NewMailServer(t, script)
			e := newEmail(t, s.Addr, func(cfg *receiver.EmailConfig) {
				cfg.RequireTLS, cfg.TLSConfig = &required, &tls.Config{RootCAs: roots}
				cfg.AuthUsername, cfg.AuthPassword = "telltale", "hush"
				c.config(cfg)
			})
			got := e.Send(t.Context(), receivertest.Call())
			if got.Class != c.class || !strings.Contains(got.Detail, c.detail) {
				t.Errorf("%+v", got)
			}
			if shown := fmt.Sprintf("%v %+v %#v %+v", e, e, e, got); strings.Contains(shown, "hush") {
				t.Error(shown)
			}
			login := "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00telltale\x00hush"))
			if said := strings.Join(s.Said(), "\n"); strings.Contains(said, login) != (len(s.Mails()) == 1 || c.name == "a wrong password") {
				t.Errorf("%s", said)
			}
		})
	}
}

func TestNewEmailReportsEveryFaultAndNoSecret(t *testing.T) {
	_, err := receiver.NewEmail(receiver.EmailConfig{
		To: "nobody", From: "two@example.test, three@example.test", Smarthost: "mail.example.test", AuthPassword: "hush",
		Hello: "a b", Headers: map[string]string{"message-ID": "x", "X Y": "z"},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"to is not", "from is not", "host:port", "no auth_username", "hello", `"message-ID"`, `"X Y"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("%q quotes a secret", err)
	}
}

func TestEmailRefusesAddressesInside(t *testing.T) {
	s := receivertest.NewMailServer(t, receivertest.MailScript{})
	e := newEmail(t, s.Addr, func(c *receiver.EmailConfig) { c.AllowPrivate = false })
	if got := e.Send(t.Context(), receivertest.Call()); got.Class != receiver.Environment || s.Sessions() != 0 {
		t.Errorf("%+v", got)
	}
}

func decoded(t *testing.T, header string) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
