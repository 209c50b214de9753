package receiver_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

func newOpsgenie(t *testing.T, url string, timeout time.Duration) *receiver.Opsgenie {
	t.Helper()
	o, err := receiver.NewOpsgenie(receiver.OpsgenieConfig{
		APIKey: "hush", APIURL: url, Timeout: timeout, Poll: time.Millisecond, AllowPrivate: true,
		Responders: []receiver.OpsgenieResponder{{Name: "release", Type: "team"}}, Tags: []string{"deploy"},
		Details: map[string]string{"runbook": "https://runbook.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

func TestOpsgenieConformance(t *testing.T) {
	receivertest.Run(t, receivertest.Setup{
		New: func(t *testing.T, url string, timeout time.Duration) receiver.Receiver {
			return newOpsgenie(t, url, timeout)
		},
		Secrets: []string{"hush"},
		Accept: func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				fmt.Fprint(w, `{"data":{"isSuccess":true,"status":"Created alert","alertId":"a-1"}}`)
				return
			}
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, `{"result":"Request will be processed","took":0.1,"requestId":"r-1"}`)
		},
	})
}

// service plays Opsgenie: it takes requests and does them when it is asked about
// them for the second time, in the order in which they came.
type service struct {
	faulty
	refuse string            // done with no alert, says this
	todo   []func() string   // what a request does; "" means that it worked
	asked  map[string]bool   // requests that were asked about
	done   map[string]string // what became of requests
	alerts map[string]string // messages of the open alerts by their alias
	pages  int               // what people were woken for
}

func (s *service) start(t *testing.T) string {
	s.asked, s.done, s.alerts = map[string]bool{}, map[string]string{}, map[string]string{}
	return s.serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		path, _ := strings.CutPrefix(r.URL.Path, "/v2/alerts")
		parts := strings.Split(strings.Trim(path, "/"), "/")
		switch {
		case r.Header.Get("Authorization") != "GenieKey hush":
			w.WriteHeader(http.StatusUnauthorized)
		case parts[0] == "requests":
			if !s.asked[parts[1]] {
				s.asked[parts[1]] = true
				w.WriteHeader(http.StatusNotFound)
				return
			}
			for i, do := range s.todo {
				if id := fmt.Sprintf("r-%d", i); s.done[id] == "" {
					s.done[id] = do()
				}
			}
			text := s.done[parts[1]]
			fmt.Fprintf(w, `{"data":{"isSuccess":%t,"status":"%s","alertId":"a-1"}}`, text == "ok", text)
		case r.Method == http.MethodGet:
			if _, open := s.alerts[parts[0]]; !open {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			fmt.Fprint(w, `{"data":{"status":"open"}}`)
		default:
			s.todo = append(s.todo, s.action(t, parts, body))
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, `{"requestId":"r-%d"}`, len(s.todo)-1)
		}
	})
}

// action is what a request will do.
func (s *service) action(t *testing.T, parts []string, body []byte) func() string {
	sent := decode[map[string]any](t, body)
	return func() string {
		if s.refuse != "" {
			return s.refuse
		}
		if parts[0] == "" {
			alias := sent["alias"].(string)
			if _, open := s.alerts[alias]; !open {
				s.pages++
				s.alerts[alias] = sent["message"].(string)
			}
			return "ok"
		}
		if _, open := s.alerts[parts[0]]; !open {
			return "Alert does not exist"
		}
		switch parts[1] {
		case "close":
			delete(s.alerts, parts[0])
		case "message":
			s.alerts[parts[0]] = sent["message"].(string)
		}
		return "ok"
	}
}

// TestOpsgeniePagesOnce: whatever fails on the way, each problem pages once, and
// the open alert says the last word about it.
func TestOpsgeniePagesOnce(t *testing.T) {
	s := &service{}
	to := newOpsgenie(t, s.start(t), 0)
	rapid.Check(t, func(rt *rapid.T) {
		s.todo, s.pages = nil, 0
		clear(s.asked)
		clear(s.done)
		clear(s.alerts)
		story(rt, &s.faulty, to, func(episode, _ int, m receiver.Message) {
			now, open := s.alerts[m.Alert]
			over := m.Status == receiver.StatusResolved
			if s.pages != episode+1 || open == over {
				rt.Fatalf("%d pages for %d problems; %q is shown as %q", s.pages, episode+1, m.Title, now)
			}
			if !over && now != m.Title {
				rt.Fatalf("%q is shown as %q", m.Title, now)
			}
		})
	})
}

// TestOpsgenieAcceptsThenFails: 202 is not delivered.
func TestOpsgenieAcceptsThenFails(t *testing.T) {
	s := &service{refuse: "Integration is\\nnot enabled"}
	to := newOpsgenie(t, s.start(t), 0)
	got := to.Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()})
	if got.Class != receiver.Environment || !strings.HasSuffix(got.Detail, "refused it: Integration is not enabled") {
		t.Errorf("%+v", got)
	}
	s.refuse = ""
	if got := to.Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()}); got.Class != receiver.Delivered || s.pages != 1 {
		t.Errorf("%+v", got)
	}
}

// TestOpsgenieNeverSays: a request of which nothing is heard may have been done.
func TestOpsgenieNeverSays(t *testing.T) {
	f := &faulty{}
	url := f.serve(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"requestId":"r-1"}`)
	})
	got := newOpsgenie(t, url, 100*time.Millisecond).Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()})
	if got.Class != receiver.Ambiguous || got.ProviderID != "r-1" {
		t.Errorf("%+v", got)
	}
}

// TestOpsgenieLeavesPeopleAlone: what a person closed is not opened again by a
// later word, and closing it once more is no failure.
func TestOpsgenieLeavesPeopleAlone(t *testing.T) {
	s := &service{}
	to := newOpsgenie(t, s.start(t), 0)
	ref := to.Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()}).Ref
	clear(s.alerts)
	for _, m := range []receiver.Message{firing(), resolved()} {
		got := to.Send(t.Context(), receiver.Call{ID: "nt_2", Message: m, Ref: ref})
		if got.Class != receiver.Delivered || len(s.alerts) != 0 || s.pages != 1 {
			t.Errorf("%+v, %v", got, s.alerts)
		}
	}
}

func TestOpsgenieBodies(t *testing.T) {
	f := &faulty{}
	var sent []byte
	url := f.serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"data":{"isSuccess":true,"alertId":"a-1"}}`)
			return
		}
		sent = body
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"requestId":"r-1"}`)
	})
	to := newOpsgenie(t, url, 0)
	c := receiver.Call{ID: "nt_1", Message: firing()}
	if got := to.Send(t.Context(), c); got.Class != receiver.Delivered || got.ProviderID != "a-1" || got.Ref != c.Message.Alert {
		t.Fatalf("%+v", got)
	}
	goldenJSON(t, "opsgenie-firing", sent)

	c.Message = hostile()
	c.Message.Labels = map[string]string{"a": strings.Repeat("x", 7000), "b": strings.Repeat("y", 7000), "runbook": "another"}
	if got := to.Send(t.Context(), c); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	a := decode[struct {
		Message     string            `json:"message"`
		Description string            `json:"description"`
		Details     map[string]string `json:"details"`
	}](t, sent)
	if n := utf8.RuneCountInString(a.Message); n != 130 {
		t.Errorf("the message has %d characters", n)
	}
	if n := utf8.RuneCountInString(a.Description); n != 15_000 {
		t.Errorf("the description has %d characters", n)
	}
	if len(a.Details) != 2 || a.Details["runbook"] != "https://runbook.example" {
		t.Errorf("the details are %d: %.200v", len(a.Details), a.Details)
	}
}

func TestNewOpsgenieReportsEveryFaultAndNoSecret(t *testing.T) {
	_, err := receiver.NewOpsgenie(receiver.OpsgenieConfig{
		APIURL: "http://hush.test", Priority: "P9", Responders: []receiver.OpsgenieResponder{{Name: "x", Type: "teams"}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"not https", "api_key", "P1 to P5", "responder 1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("%q quotes a secret", err)
	}
}
