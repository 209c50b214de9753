package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// submit makes one session with the smart host.
//
// It goes step by step, not through go-mail's own client: that one ends a session
// which broke off within the text in a way that can make the server take half a
// mail, and does not tell a server that refused the text from one that never
// answered it.
func (e *Email) submit(ctx context.Context, text []byte) Result {
	conn, err := e.dial(ctx)
	if err != nil {
		return unanswered(err, false)
	}
	defer conn.Close() // what it may say then changes no verdict
	// A server that falls silent is left when ctx ends, whatever the step.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	client, err := smtp.NewClient(conn, e.host)
	if err != nil {
		return mendable(refused("the greeting", err))
	}
	if err := client.Hello(e.hello); err != nil {
		return mendable(refused("EHLO", err))
	}
	if e.startTLS {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return Result{Class: Environment, Detail: "the mail server offers no STARTTLS, which require_tls asks for"}
		}
		if err := client.StartTLS(e.tls.Clone()); err != nil {
			return mendable(refused("STARTTLS", err))
		}
	}
	if result := e.account.login(client, e.host); result.Class != "" {
		return result
	}
	if err := client.Mail("<" + e.from.Address + ">"); err != nil {
		return mendable(refused("MAIL", err))
	}
	result := e.recipients(client)
	if result.Class != Delivered {
		return result
	}
	w, err := client.Data()
	if err != nil {
		return refused("DATA", err)
	}
	// A text that breaks off here has no end, and the server drops it: the
	// connection is closed, not w, which would end it.
	if _, err := w.Write(text); err != nil {
		return unanswered(err, false)
	}
	if err := w.Close(); err != nil {
		if answer := (*textproto.Error)(nil); errors.As(err, &answer) {
			return refused("the mail", err)
		}
		return unanswered(err, true) // the server may have it
	}
	if d, ok := w.(*smtp.DataCloser); ok {
		result.ProviderID = printable(strings.Join(strings.Fields(d.ServerResponse()), "_"))
	}
	// The server has the mail, whatever it says now, so nobody waits for that.
	client.Text.Cmd("QUIT")
	return result
}

// dial connects, with TLS from the first byte if that is how the server wants it.
func (e *Email) dial(ctx context.Context) (net.Conn, error) {
	dialer := &net.Dialer{}
	if !e.allowPrivate {
		dialer.Control = public
	}
	conn, err := dialer.DialContext(ctx, "tcp", e.smarthost)
	if err != nil {
		return nil, err
	}
	conn = &cappedConn{Conn: conn, left: maxSession}
	if e.implicitTLS {
		return tls.Client(conn, e.tls.Clone()), nil // shakes hands with the first read
	}
	return conn, nil
}

// maxSession bounds what a server may say in one session, in bytes. A full one
// with TLS takes a tenth of it.
const maxSession = 256 << 10

var errTalkative = errors.New("the mail server says too much")

// cappedConn reads no more than left bytes: the reader of answers above it takes
// lines of any length. One goroutine reads.
type cappedConn struct {
	net.Conn
	left int
}

func (c *cappedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalkative
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// login authenticates with the strongest way that both sides have. It returns
// the zero Result when that worked or is not wanted.
func (a *mailAccount) login(client *smtp.Client, host string) Result {
	if a.username == "" {
		return Result{}
	}
	_, offered := client.Extension("AUTH")
	ways := strings.Fields(strings.ToUpper(offered))
	var auth smtp.Auth
	switch {
	case a.password != "" && slices.Contains(ways, "SCRAM-SHA-256"):
		auth = smtp.ScramSHA256Auth(a.username, string(a.password))
	case a.password != "" && slices.Contains(ways, "PLAIN"):
		auth = smtp.PlainAuth(a.identity, a.username, string(a.password), host, false)
	case a.password != "" && slices.Contains(ways, "LOGIN"):
		auth = smtp.LoginAuth(a.username, string(a.password), host, false)
	case a.secret != "" && slices.Contains(ways, "CRAM-MD5"):
		auth = smtp.CRAMMD5Auth(a.username, string(a.secret))
	default:
		return Result{Class: Environment, Detail: "the mail server offers no way to log in that the account has"}
	}
	err := client.Auth(auth)
	switch {
	case err == nil:
		return Result{}
	case errors.Is(err, smtp.ErrUnencrypted):
		return Result{Class: Environment, Detail: "the password is not sent to a mail server without TLS"}
	default:
		return mendable(refused("AUTH", err))
	}
}

// recipients names those whom the mail goes to. An address that the server will
// never take does not keep the mail from the others: it is named by its place in
// the list. One that it may take later does: then nobody gets the mail now, and
// everybody at once next time.
func (e *Email) recipients(client *smtp.Client) Result {
	var places []string
	var last error
	for i, to := range e.to {
		err := client.Rcpt("<" + to.Address + ">")
		if err == nil {
			continue
		}
		if result := refused("RCPT", err); result.Class != Permanent {
			return result
		}
		places, last = append(places, fmt.Sprint(i+1)), err
	}
	switch len(places) {
	case 0:
		return Result{Class: Delivered}
	case len(e.to):
		return refused("RCPT", last)
	default:
		return Result{Class: Delivered, Detail: "the mail server takes no mail for recipient " + strings.Join(places, ", ")}
	}
}

// refused gives the verdict on a step after which the server does not have the
// mail. The server's words are left out: they are its own, and may quote
// addresses.
func refused(step string, err error) Result {
	var answer *textproto.Error
	if !errors.As(err, &answer) {
		return unanswered(err, false)
	}
	r := Result{Class: Permanent, Detail: fmt.Sprintf("the mail server answered %d to %s", answer.Code, step)}
	if answer.Code < 500 {
		r.Class = Transient
	}
	return r
}

// mendable turns a refusal of us, not of the mail, into one that a person may
// mend.
func mendable(r Result) Result {
	if r.Class == Permanent {
		r.Class = Environment
	}
	return r
}
