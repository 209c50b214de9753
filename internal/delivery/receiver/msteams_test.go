package receiver_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

func newTeams(t *testing.T, url string, timeout time.Duration) *receiver.MSTeamsV2 {
	t.Helper()
	m, err := receiver.NewMSTeamsV2(receiver.MSTeamsV2Config{
		WebhookURL: receiver.Secret(url), Timeout: timeout, AllowPrivate: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestMSTeamsV2Conformance(t *testing.T) {
	receivertest.Run(t, receivertest.Setup{
		New: func(t *testing.T, url string, timeout time.Duration) receiver.Receiver {
			return newTeams(t, url, timeout)
		},
	})
}

// card is what a workflow posts, and of it what a person reads.
type card struct {
	Attachments []struct {
		Content struct {
			Body []struct {
				Type    string `json:"type"`
				Inlines []struct {
					Type string `json:"type"`
					Text string `json:"text"`
				} `json:"inlines"`
			} `json:"body"`
			Actions []struct {
				Type string `json:"type"`
				URL  string `json:"url"`
			} `json:"actions"`
		} `json:"content"`
	} `json:"attachments"`
}

// channel plays a workflow: it posts each card that it is given.
func channel(t *testing.T, f *faulty) (url string, shown func() []string) {
	var titles []string // guarded by f.mu
	url = f.serve(t, func(w http.ResponseWriter, _ *http.Request, body []byte) {
		c := decode[card](t, body)
		titles = append(titles, c.Attachments[0].Content.Body[0].Inlines[0].Text)
		w.WriteHeader(http.StatusAccepted)
	})
	return url, func() []string {
		f.mu.Lock()
		defer f.mu.Unlock()
		return append([]string(nil), titles...)
	}
}

// TestMSTeamsV2Story: the answer to a card is lost, so it comes twice, and the
// second says so; what was not posted comes once.
func TestMSTeamsV2Story(t *testing.T) {
	f := &faulty{}
	url, shown := channel(t, f)
	l := &lane{to: newTeams(t, url, 0)}
	ctx := t.Context()
	f.faults = []fault{broken, answerLost, busy}
	if got := l.say(ctx, "nt_1", firing(), 4); got.Class != receiver.Delivered || got.Ref != "" {
		t.Fatalf("%+v", got)
	}
	goldenJSON(t, "msteamsv2-repeat", f.last())
	if got := l.say(ctx, "nt_2", resolved(), 1); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	goldenJSON(t, "msteamsv2-resolved", f.last())
	want := []string{firing().Title, firing().Title + " (may be a repeat)", resolved().Title}
	if got := shown(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the channel shows %q, want %q", got, want)
	}
}

// TestMSTeamsV2KeepsItsLimits: whatever the message, the body fits, and nothing
// in it is read as more than text.
func TestMSTeamsV2KeepsItsLimits(t *testing.T) {
	f := &faulty{}
	url, _ := channel(t, f)
	m := newTeams(t, url, 0)
	ctx := t.Context()
	check := func(t rapid.TB, message receiver.Message) {
		got := m.Send(ctx, receiver.Call{ID: "nt_1", Message: message, Again: true})
		if got.Class != receiver.Delivered {
			t.Fatalf("%+v", got)
		}
		body := f.last()
		if len(body) > 28_000 {
			t.Fatalf("the body has %d bytes", len(body))
		}
		var c card
		if err := json.Unmarshal(body, &c); err != nil {
			t.Fatalf("%v", err)
		}
		for _, b := range c.Attachments[0].Content.Body {
			for _, run := range b.Inlines {
				if b.Type != "RichTextBlock" || run.Type != "TextRun" || strings.ContainsAny(run.Text, "\r\n") {
					t.Fatalf("%s of %+v", b.Type, run)
				}
			}
		}
		for _, a := range c.Attachments[0].Content.Actions {
			if a.Type != "Action.OpenUrl" || !strings.HasPrefix(a.URL, "http") {
				t.Fatalf("%+v", a)
			}
		}
	}
	check(t, hostile())
	short := firing()
	short.Title = "[click](https://evil.example) <at>everyone</at>"
	short.Text = "# *[click](https://evil.example)* {{DATE(2017-02-14T06:08:00Z)}}\r\nand **more**"
	short.Link = "javascript:alert(1)"
	check(t, short)
	goldenJSON(t, "msteamsv2-hostile", f.last())

	rapid.Check(t, func(rt *rapid.T) {
		message := firing()
		message.Title = rapid.String().Draw(rt, "title")
		message.Text = strings.Repeat(rapid.String().Draw(rt, "text")+"\n", rapid.IntRange(0, 3000).Draw(rt, "times"))
		message.Labels = rapid.MapOfN(rapid.String(), rapid.String(), 0, 50).Draw(rt, "labels")
		check(rt, message)
	})
}

func TestNewMSTeamsV2QuotesNoURL(t *testing.T) {
	for _, url := range []receiver.Secret{"", "hush", "http://example.test/hush", "https://hush:hush@example.test/"} {
		if _, err := receiver.NewMSTeamsV2(receiver.MSTeamsV2Config{WebhookURL: url}); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%v", err)
		}
	}
}
