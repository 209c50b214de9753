package receiver

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
)

// EmailConfig configures mail through a smart host. The names are those of
// Alertmanager's email_configs.
type EmailConfig struct {
	// To is whom mails go to: one address or several with commas between them.
	// Required. They see each other.
	To string

	// From is who mails come from, one address. Required. The part after its @
	// is that of our Message-IDs.
	From string

	// Smarthost is the mail server as host:port. Required.
	Smarthost string

	// Hello is what we call ourselves to the server. Default localhost.
	Hello string

	// AuthUsername is the account. Default none: then nobody logs in.
	AuthUsername string

	// AuthPassword is the account's password, for SCRAM-SHA-256, PLAIN and LOGIN.
	AuthPassword Secret

	// AuthSecret is the account's secret for CRAM-MD5, which is used when the
	// server offers nothing that AuthPassword fits.
	AuthSecret Secret

	// AuthIdentity is who PLAIN acts for. Default the account.
	AuthIdentity string

	// Headers go with each mail beside our own, which they cannot replace.
	Headers map[string]string

	// RequireTLS refuses a server that offers no STARTTLS. Default true. When it
	// is false, STARTTLS is not used, as Alertmanager does not.
	RequireTLS *bool

	// ForceImplicitTLS says whether the connection begins with TLS. Default: it
	// does on port 465.
	ForceImplicitTLS *bool

	// TLSConfig is for servers with certificates of one's own. Its ServerName
	// defaults to the host of Smarthost. Default: the machine's roots.
	TLSConfig *tls.Config

	// AllowPrivate permits a server whose address is not public. Default false.
	AllowPrivate bool

	// Timeout bounds one call from the dial to the server's last word. Default
	// 15 s.
	Timeout time.Duration
}

// The limits of one mail. Mail readers show less of a subject; servers take
// more of a text.
const (
	maxSubject  = 200      // runes
	maxMailText = 64 << 10 // bytes
)

// Email hands plain-text mails to a smart host, one connection for each. All
// mails about one alert are one thread. It is safe for concurrent use.
//
// A mail has the same Message-ID whenever it is sent, so that a mail store can
// fold a repeat; most servers do not, hence the mark in the subject.
type Email struct {
	endpoint     string
	host         string
	smarthost    string
	from         *netmail.Address
	to           []*netmail.Address
	domain       string
	hello        string
	account      mailAccount
	headers      map[string]string
	implicitTLS  bool
	startTLS     bool
	tls          *tls.Config
	allowPrivate bool
	timeout      time.Duration
}

// mailAccount is who logs in at a mail server. Printing it hides its secrets.
type mailAccount struct {
	identity, username string
	password, secret   Secret
}

func emailKind() Kind {
	return Kind{
		Name:    "email",
		Summary: "Sends a plain-text mail; the mails about one alert are a thread.",
		Repeats: `The mail again, with "(may be a repeat)" in its subject and the Message-ID of the first.`,
	}
}

// ownHeaders are those that [EmailConfig.Headers] cannot set.
var ownHeaders = regexp.MustCompile(`(?i)^(from|to|cc|bcc|subject|date|message-id|references|in-reply-to|auto-submitted|mime-version|content-.*)$`)

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// NewEmail returns a receiver for cfg. It reports all faults of cfg at once,
// without quoting its secrets, and connects to nothing yet.
func NewEmail(cfg EmailConfig) (*Email, error) {
	var faults []error
	fault := func(text string) { faults = append(faults, errors.New("email: "+text)) }

	host, port, err := net.SplitHostPort(cfg.Smarthost)
	if err != nil || host == "" || port == "" {
		fault("smarthost is not host:port")
	}
	to, err := netmail.ParseAddressList(cfg.To)
	if err != nil {
		fault("to is not a list of addresses")
	}
	from, err := netmail.ParseAddress(cfg.From)
	if err != nil {
		fault("from is not an address")
	}
	if cfg.AuthUsername == "" && (cfg.AuthPassword != "" || cfg.AuthSecret != "") {
		fault("there is a password and no auth_username")
	}
	if cfg.AuthUsername != "" && cfg.AuthPassword == "" && cfg.AuthSecret == "" {
		fault("auth_username needs auth_password or auth_secret")
	}
	if strings.ContainsAny(cfg.Hello, " \r\n") {
		fault("hello is not one word")
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Headers)) {
		if !headerName.MatchString(name) || ownHeaders.MatchString(name) {
			fault(fmt.Sprintf("the header %q cannot be set", name))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}

	implicit := port == "465"
	if cfg.ForceImplicitTLS != nil {
		implicit = *cfg.ForceImplicitTLS
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.TLSConfig != nil {
		config = cfg.TLSConfig.Clone()
	}
	config.ServerName = cmp.Or(config.ServerName, host)
	addresses := make([]string, 0, len(to))
	for _, a := range to {
		addresses = append(addresses, a.Address)
	}
	return &Email{
		endpoint: endpointName("email", append([]string{cfg.Smarthost, cfg.AuthUsername, from.Address}, addresses...)...),
		host:     host, smarthost: cfg.Smarthost,
		from: from, to: to, domain: domainOf(from.Address),
		hello: cmp.Or(cfg.Hello, "localhost"),
		account: mailAccount{
			identity: cfg.AuthIdentity, username: cfg.AuthUsername, password: cfg.AuthPassword, secret: cfg.AuthSecret,
		},
		headers:     maps.Clone(cfg.Headers),
		implicitTLS: implicit, startTLS: !implicit && (cfg.RequireTLS == nil || *cfg.RequireTLS), tls: config,
		allowPrivate: cfg.AllowPrivate, timeout: cmp.Or(cfg.Timeout, defaultTimeout),
	}, nil
}

// domainOf returns what follows the @, as far as a Message-ID can hold it.
func domainOf(address string) string {
	domain := address[strings.LastIndexByte(address, '@')+1:]
	if mailRef.MatchString("<x@" + domain + ">") {
		return domain
	}
	return "telltale.invalid" // RFC 6761: a name that nobody has
}

// Endpoint returns "email:" and a hash of the server, the account, the sender
// and those it goes to.
func (e *Email) Endpoint() string { return e.endpoint }

// String returns the endpoint's name, so that printing shows no secret.
func (e *Email) String() string { return e.endpoint }

// GoString returns the endpoint's name, so that printing shows no secret.
func (e *Email) GoString() string { return e.endpoint }

// LogValue returns the endpoint's name, so that logging shows no secret.
func (e *Email) LogValue() slog.Value { return slog.StringValue(e.endpoint) }

// Close does nothing: no connection outlives its call.
func (e *Email) Close() {}

// Send hands one mail to the server. Its Ref is the Message-ID of the first mail
// about the alert, which later ones answer.
func (e *Email) Send(ctx context.Context, c Call) Result {
	id := e.messageID(c.ID)
	text, err := e.write(&c, id)
	if err != nil {
		return Result{Class: Permanent, Detail: "the message cannot be written as a mail"}
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	result := e.submit(ctx, text)
	if result.Class == Delivered {
		result.Ref = id
		if mailRef.MatchString(c.Ref) {
			result.Ref = c.Ref
		}
	}
	return result
}

// messageID is the same whenever and wherever the notification is sent.
func (e *Email) messageID(id string) string { return "<" + token(id) + "@" + e.domain + ">" }

// mailRef is the form of a Message-ID that is safe in any header.
var mailRef = regexp.MustCompile(`^<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>$`)

// write returns the mail as RFC 5322 has it. The same call gives the same bytes.
func (e *Email) write(c *Call, id string) ([]byte, error) {
	// Readers make a thread of what has an ancestor in common. The first one is
	// no mail but a name for the alert: it holds the thread together even if the
	// first mail got lost.
	thread := e.messageID(c.Message.Alert)
	parent := thread
	if mailRef.MatchString(c.Ref) && c.Ref != id {
		parent = c.Ref
		thread += " " + parent
	}
	titled := *c
	titled.Message.Title = oneLine(c.Message.Title)

	m := mail.NewMsg(mail.WithNoDefaultUserAgent())
	m.FromMailAddress(e.from)
	m.ToMailAddress(e.to...)
	m.Subject(titled.title(maxSubject))
	m.SetDateWithValue(c.Message.At.UTC())
	m.SetGenHeader(mail.HeaderMessageID, id)
	m.SetGenHeader(mail.HeaderReferences, thread)
	m.SetGenHeader(mail.HeaderInReplyTo, parent)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no vacation answers
	for name, value := range e.headers {
		m.SetGenHeader(mail.Header(name), oneLine(value))
	}
	m.SetBodyString(mail.TypeTextPlain, fitBytes(plainText(c.Message), maxMailText))
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("write a mail: %w", err)
	}
	return b.Bytes(), nil
}
