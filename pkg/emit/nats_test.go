package emit

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/testkit"
	"github.com/telltale-dev/telltale/pkg/events"
)

// TestNATSDoor says something to a real server, as an emitter with a token that
// may publish on one subject only.
func TestNATSDoor(t *testing.T) {
	s := testkit.Start(t, natsd.Config{
		StoreDir: t.TempDir(), RelaxedSync: true, Listen: "127.0.0.1:0",
		Users: append(natsd.GenerateRoles().Users(),
			natsd.Emitter("ci", sha256.Sum256([]byte("s3cret")))),
	})
	for _, test := range []struct {
		name    string
		emitter string
		token   string
		want    error
	}{
		{"wrong token", "ci", "wrong", ErrForbidden},
		{"another's subject", "other", "", ErrForbidden},
		{"no stream yet", "ci", "s3cret", ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := s.ClientURL()
			opts := Options{Server: server, Emitter: test.emitter, Token: test.token, Attempts: 1, Timeout: 20 * time.Second}
			if test.token == "" {
				opts.Server = "nats://ci:s3cret@" + server[len("nats://"):]
			}
			c, err := New(opts)
			if err != nil {
				t.Fatal(err)
			}
			defer closeOf(t, c)
			// Waiting for the timeout would make every answer ErrUnavailable.
			if err := c.Send(t.Context(), report("a")); !errors.Is(err, test.want) {
				t.Errorf("send: %v, want %v", err, test.want)
			}
		})
	}
}

// TestNATSDoorRefusesWhatIsTooLarge: what no server will ever take must not wait
// in the spool for one that does, before all others.
func TestNATSDoorRefusesWhatIsTooLarge(t *testing.T) {
	s, _ := testkit.NATSServer(t, func(c *natsd.Config) { c.Listen = "127.0.0.1:0" })
	c, err := New(Options{Server: s.ClientURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer closeOf(t, c)
	for _, size := range []int{600 << 10, 2 << 20} { // over the stream's limit, and over the server's
		large := report("large")
		if err := large.SetData(&events.Reported{Status: "deployed", Message: strings.Repeat("x", size)}); err != nil {
			t.Fatal(err)
		}
		receipt, err := c.Deliver(t.Context(), []events.Event{report("a"), large, report("b")})
		if err != nil || receipt.Accepted != 2 || len(receipt.Refused) != 1 ||
			receipt.Refused[0].Index != 1 || receipt.Refused[0].Code != events.CodeTooLarge {
			t.Errorf("%d bytes: %+v, %v", size, receipt, err)
		}
	}
}

func TestNATSDoorAcknowledges(t *testing.T) {
	s, conn := testkit.NATSServer(t, func(c *natsd.Config) { c.Listen = "127.0.0.1:0" })
	c, err := New(Options{Server: s.ClientURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer closeOf(t, c)
	receipt, err := c.Deliver(t.Context(), []events.Event{report("a"), report("b")})
	if err != nil || receipt.Accepted != 2 {
		t.Fatalf("deliver: %+v, %v", receipt, err)
	}
	raw, err := conn.JS.Stream(t.Context(), events.StreamRaw)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := raw.GetLastMsgForSubject(t.Context(), events.RawSubject("local"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.Decode(msg.Data, events.Limits{})
	if err != nil || e.ID != "b" || msg.Header.Get("Content-Type") != "application/cloudevents+json" {
		t.Errorf("stored %s %v, %v", msg.Data, msg.Header, err)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	c2, err := New(Options{Server: s.ClientURL(), Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer closeOf(t, c2)
	if err := c2.Send(t.Context(), report("c")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("send to nobody: %v", err)
	}
}
