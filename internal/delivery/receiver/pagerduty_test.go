package receiver_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

const routingKey = "R0UT1NG-K3Y"

func newPagerDuty(t *testing.T, url string, timeout time.Duration) *receiver.PagerDuty {
	t.Helper()
	p, err := receiver.NewPagerDuty(receiver.PagerDutyConfig{
		RoutingKey: routingKey, URL: url, Timeout: timeout, AllowPrivate: true, ClientURL: "https://telltale.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// pagerDutyEvent is what the fake reads.
type pagerDutyEvent struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Payload    struct {
		Summary  string            `json:"summary"`
		Severity string            `json:"severity"`
		Source   string            `json:"source"`
		Details  map[string]string `json:"custom_details"`
	} `json:"payload"`
}

// pagerDuty plays the Events API v2: a key has at most one open incident, and
// each one that opens is a page.
type pagerDuty struct {
	faulty
	open  map[string]bool
	pages int
}

func (p *pagerDuty) start(t *testing.T) string {
	p.open = map[string]bool{}
	return p.serve(t, func(w http.ResponseWriter, _ *http.Request, body []byte) {
		e := decode[pagerDutyEvent](t, body)
		bad := e.RoutingKey != routingKey || e.DedupKey == "" || len(e.DedupKey) > 255 || len(body) > 512_000 ||
			e.Payload.Summary == "" || utf8.RuneCountInString(e.Payload.Summary) > 1024 || e.Payload.Source == "" ||
			!strings.Contains(" critical error warning info ", " "+e.Payload.Severity+" ")
		switch {
		case bad:
			w.WriteHeader(http.StatusBadRequest)
			return
		case e.Action == "trigger" && !p.open[e.DedupKey]:
			p.open[e.DedupKey] = true
			p.pages++
		case e.Action == "resolve":
			delete(p.open, e.DedupKey)
		}
		w.WriteHeader(http.StatusAccepted)
	})
}

func TestPagerDutyConformance(t *testing.T) {
	receivertest.Run(t, receivertest.Setup{
		New: func(t *testing.T, url string, timeout time.Duration) receiver.Receiver {
			return newPagerDuty(t, url, timeout)
		},
		Secrets:   []string{routingKey},
		Doubts5xx: true,
	})
}

func TestPagerDutyBodies(t *testing.T) {
	var fake pagerDuty
	p := newPagerDuty(t, fake.start(t), 0)
	for name, m := range map[string]receiver.Message{"firing": firing(), "resolved": resolved()} {
		if got := p.Send(t.Context(), receiver.Call{ID: "nt_42", Message: m}); got.Class != receiver.Delivered || got.Ref != m.Alert {
			t.Fatalf("%s: %+v", name, got)
		}
		goldenJSON(t, "pagerduty-"+name, fake.last())
	}
	// What is too long or unknown to PagerDuty pages all the same.
	if got := p.Send(t.Context(), receiver.Call{ID: "nt_43", Message: hostile()}); got.Class != receiver.Delivered {
		t.Fatalf("%+v in %d bytes", got, len(fake.last()))
	}
	if e := decode[pagerDutyEvent](t, fake.last()); e.Payload.Severity != "error" || !strings.HasSuffix(e.Payload.Summary, "…") {
		t.Errorf("%s %s", e.Payload.Severity, e.Payload.Summary)
	}
}

// TestPagerDutyPagesOnce: whatever requests are lost, each episode is one page,
// and nothing is open after its end.
func TestPagerDutyPagesOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var fake pagerDuty
		p := newPagerDuty(t, fake.start(t), 0)
		story(rt, &fake.faulty, p, func(episode, _ int, m receiver.Message) {
			if fake.pages != episode+1 {
				rt.Fatalf("%d pages in %d episodes", fake.pages, episode+1)
			}
			if open := len(fake.open) == 1; open != (m.Status == receiver.StatusFiring) {
				rt.Fatalf("%v is open after %s", fake.open, m.Status)
			}
		})
	})
}

// TestPagerDutyNeedsOrder shows what a lane is for: out of order, someone is
// paged for what is over.
func TestPagerDutyNeedsOrder(t *testing.T) {
	var fake pagerDuty
	p := newPagerDuty(t, fake.start(t), 0)
	for _, m := range []receiver.Message{firing(), resolved(), firing()} {
		p.Send(t.Context(), receiver.Call{ID: "nt_1", Message: m})
	}
	if fake.pages != 2 || len(fake.open) != 1 {
		t.Errorf("the fake does not reopen: %d pages, %v is open", fake.pages, fake.open)
	}
}

func TestNewPagerDutyReportsEveryFaultAndNoSecret(t *testing.T) {
	_, err := receiver.NewPagerDuty(receiver.PagerDutyConfig{URL: "http://u:hush@example.test/hush"})
	wantFaults(t, err, "not https", "routing key is needed")
	if _, err := receiver.NewPagerDuty(receiver.PagerDutyConfig{RoutingKey: routingKey}); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

// wantFaults checks the error of a constructor that was given "hush" as secret.
func wantFaults(t *testing.T, err error, wants ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("%q quotes a secret", err)
	}
}
