package receivertest

import (
	"crypto/tls"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"testing"
)

// MailScript says what a mail server does. The zero script takes every mail and
// offers neither TLS nor AUTH.
type MailScript struct {
	// Answers replaces the answer to a step: GREETING, EHLO, STARTTLS, AUTH, MAIL,
	// RCPT, DATA, or END, which is the end of the text. An END that begins with 2
	// is one that the server took the mail with.
	Answers map[string]string

	// DropAt ends the connection in place of the answer to a step, HangAt leaves it
	// unanswered. At END the server has taken the mail before that.
	DropAt, HangAt string

	// TLS makes the server offer STARTTLS, or with Implicit begin with TLS.
	TLS      *tls.Config
	Implicit bool

	// Auth is what the server offers behind AUTH, for example "PLAIN LOGIN".
	Auth string

	// Refused are recipients that the server knows not.
	Refused []string
}

// MailServer is a mail server on loopback that does what a test wants.
type MailServer struct {
	// Addr is its host:port.
	Addr string

	mu       sync.Mutex // guards what follows
	script   MailScript
	mails    []Mail
	said     []string
	sessions int
}

// Mail is one that the server took.
type Mail struct {
	From string
	To   []string
	Text string // with the ends of lines as "\n"
}

// NewMailServer starts a server that stops with the test.
func NewMailServer(t *testing.T, script MailScript) *MailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &MailServer{Addr: listener.Addr().String(), script: script}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed below
			}
			running.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		running.Wait()
	})
	return s
}

// Play changes what the server does from the next connection on.
func (s *MailServer) Play(script MailScript) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

// Mails returns what the server took.
func (s *MailServer) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Sessions returns how many connections there were.
func (s *MailServer) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// Said returns the commands that came, in order.
func (s *MailServer) Said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.said...)
}

// Shown returns the mails that a person sees in a store that shows one mail for
// each Message-ID.
func (s *MailServer) Shown() int {
	ids := map[string]bool{}
	for _, m := range s.Mails() {
		for line := range strings.Lines(m.Text) {
			if id, ok := strings.CutPrefix(line, "Message-ID: "); ok {
				ids[id] = true
			}
		}
	}
	return len(ids)
}

func (s *MailServer) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	s.mu.Lock()
	s.sessions++
	script := s.script
	s.mu.Unlock()
	if script.Implicit {
		conn = tls.Server(conn, script.TLS)
	}
	text := textproto.NewConn(conn)
	// step answers, and says whether the session goes on.
	step := func(name, usual string) bool {
		switch name {
		case script.DropAt:
			return false
		case script.HangAt:
			for {
				if _, err := text.ReadLine(); err != nil {
					return false
				}
			}
		}
		if other, ok := script.Answers[name]; ok {
			usual = other
		}
		return text.PrintfLine("%s", usual) == nil && !strings.HasPrefix(usual, "421")
	}
	if !step("GREETING", "220 mail.example.test ESMTP") {
		return
	}
	var mail Mail
	for {
		line, err := text.ReadLine()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.said = append(s.said, line)
		s.mu.Unlock()
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			if !step("EHLO", script.offers(conn)) {
				return
			}
		case "STARTTLS":
			if !step("STARTTLS", "220 go on") || script.Answers["STARTTLS"] != "" {
				return
			}
			conn = tls.Server(conn, script.TLS)
			text = textproto.NewConn(conn)
		case "AUTH":
			if !step("AUTH", "235 welcome") {
				return
			}
		case "MAIL":
			mail = Mail{From: rest}
			if !step("MAIL", "250 ok") {
				return
			}
		case "RCPT":
			answer := "250 ok"
			for _, address := range script.Refused {
				if strings.Contains(rest, address) {
					answer = "550 nobody of that name"
				}
			}
			if answer == "250 ok" {
				mail.To = append(mail.To, rest)
			}
			if !step("RCPT", answer) {
				return
			}
		case "DATA":
			if !step("DATA", "354 go on") {
				return
			}
			if script.Answers["DATA"] != "" {
				continue
			}
			body, err := text.ReadDotBytes()
			if err != nil {
				return
			}
			if answer, ok := script.Answers["END"]; !ok || strings.HasPrefix(answer, "2") {
				mail.Text = string(body)
				s.mu.Lock()
				s.mails = append(s.mails, mail)
				s.mu.Unlock()
			}
			if !step("END", "250 2.0.0 Ok: queued as 4XZ") {
				return
			}
		case "QUIT":
			return
		default:
			if text.PrintfLine("500 what?") != nil {
				return
			}
		}
	}
}

// offers returns the answer to EHLO.
func (script *MailScript) offers(conn net.Conn) string {
	lines := []string{"mail.example.test", "8BITMIME"}
	_, encrypted := conn.(*tls.Conn)
	if script.TLS != nil && !encrypted {
		lines = append(lines, "STARTTLS")
	}
	if script.Auth != "" {
		lines = append(lines, "AUTH "+script.Auth)
	}
	last := len(lines) - 1
	return strings.Join(append(prefixed("250-", lines[:last]), "250 "+lines[last]), "\r\n")
}

func prefixed(prefix string, lines []string) []string {
	out := make([]string, 0, len(lines)+1)
	for _, line := range lines {
		out = append(out, prefix+line)
	}
	return out
}
