package receiver_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

func newServiceNow(t *testing.T, url string, timeout time.Duration) *receiver.ServiceNow {
	t.Helper()
	s, err := receiver.NewServiceNow(receiver.ServiceNowConfig{
		InstanceURL: url, Username: "telltale", Password: "hush", Timeout: timeout, AllowPrivate: true,
		Fields: map[string]string{"assignment_group": "release"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestServiceNowConformance(t *testing.T) {
	receivertest.Run(t, receivertest.Setup{
		New: func(t *testing.T, url string, timeout time.Duration) receiver.Receiver {
			return newServiceNow(t, url, timeout)
		},
		Secrets:   []string{"hush", "dGVsbHRhbGU6aHVzaA=="},
		Doubts5xx: true,
		Accept: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"result":{"sys_id":"9d385017c611228701d22104cc95c371","number":"INC0010001","state":"1"}}`)
		},
	})
}

// instance plays ServiceNow with its table of incidents. It keeps no key unique.
type instance struct {
	faulty
	asleep    bool
	blind     bool // it leaves correlation_id out of queries
	incidents []map[string]string
}

func (s *instance) start(t *testing.T) string {
	return s.serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		path, ok := strings.CutPrefix(r.URL.Path, "/api/now/table/incident")
		user, password, _ := r.BasicAuth()
		if !ok || user != "telltale" || password != "hush" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if s.asleep {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>Your instance is hibernating</html>")
			return
		}
		id := strings.Trim(path, "/")
		at := slices.IndexFunc(s.incidents, func(i map[string]string) bool { return i["sys_id"] == id })
		switch {
		case r.Method == http.MethodPost:
			row := decode[map[string]string](t, body)
			row["sys_id"] = fmt.Sprintf("%032x", len(s.incidents)+1)
			row["number"] = fmt.Sprintf("INC%07d", len(s.incidents)+1)
			row["state"] = "1"
			s.incidents = append(s.incidents, row)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"result":%s}`, encoded(t, row))
		case id == "":
			query, _, _ := strings.Cut(r.URL.Query().Get("sysparm_query"), "^")
			key, _ := strings.CutPrefix(query, "correlation_id=")
			rows := []map[string]string{}
			for _, i := range s.incidents {
				if s.blind || i["correlation_id"] == key {
					rows = append(rows, i)
				}
			}
			fmt.Fprintf(w, `{"result":%s}`, encoded(t, rows[:min(1, len(rows))]))
		case at < 0:
			w.WriteHeader(http.StatusNotFound)
		case r.Method == http.MethodPatch:
			for name, value := range decode[map[string]string](t, body) {
				s.incidents[at][name] = value
			}
			fallthrough
		default:
			fmt.Fprintf(w, `{"result":%s}`, encoded(t, s.incidents[at]))
		}
	})
}

// TestServiceNowShowsOneIncident: whatever fails on the way, people see one
// incident for each problem, with the last word about it.
func TestServiceNowShowsOneIncident(t *testing.T) {
	s := &instance{}
	to := newServiceNow(t, s.start(t), 0)
	rapid.Check(t, func(rt *rapid.T) {
		s.incidents = nil
		story(rt, &s.faulty, to, func(episode, _ int, m receiver.Message) {
			if len(s.incidents) != episode+1 {
				rt.Fatalf("%d incidents for %d problems", len(s.incidents), episode+1)
			}
			now := s.incidents[episode]
			if over := m.Status == receiver.StatusResolved; (now["state"] == "6") != over || (!over && now["short_description"] != m.Title) {
				rt.Fatalf("%q is shown as %q", m.Title, now)
			}
		})
	})
}

func TestServiceNowBodies(t *testing.T) {
	s := &instance{}
	to := newServiceNow(t, s.start(t), 0)
	got := to.Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()})
	if got.Class != receiver.Delivered || got.Ref != fmt.Sprintf("%032x", 1) || got.ProviderID != "INC0000001" {
		t.Fatalf("%+v", got)
	}
	goldenJSON(t, "servicenow-firing", s.last())
	if got := to.Send(t.Context(), receiver.Call{ID: "nt_2", Message: resolved(), Ref: got.Ref}); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	goldenJSON(t, "servicenow-resolved", s.last())
	long := receiver.Call{ID: "nt_3", Message: hostile()}
	long.Message.Alert = "al^ORcorrelation_idISNOTEMPTY"
	if got := to.Send(t.Context(), long); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	row := s.incidents[1]
	if n := len([]rune(row["short_description"])); n != 160 {
		t.Errorf("the title has %d characters", n)
	}
	if n := len([]rune(row["description"])); n != 4000 {
		t.Errorf("the text has %d characters", n)
	}
	if strings.ContainsAny(row["correlation_id"], "^=") {
		t.Errorf("the key %q is a query", row["correlation_id"])
	}
}

// TestServiceNowAsleep: a page with status 200 is no incident. The instance is
// asked again once it is awake, and there is one incident then.
func TestServiceNowAsleep(t *testing.T) {
	s := &instance{asleep: true}
	to := newServiceNow(t, s.start(t), 0)
	c := receiver.Call{ID: "nt_1", Message: firing()}
	if got := to.Send(t.Context(), c); got.Class != receiver.Ambiguous || !strings.Contains(got.Detail, "asleep") {
		t.Errorf("%+v", got)
	}
	c.Again = true
	if got := to.Send(t.Context(), c); got.Class != receiver.Environment || !strings.Contains(got.Detail, "asleep") {
		t.Errorf("%+v", got)
	}
	s.asleep = false
	if got := to.Send(t.Context(), c); got.Class != receiver.Delivered || len(s.incidents) != 1 {
		t.Errorf("%+v", got)
	}
}

// TestServiceNowOnly201 says that an incident is there; whatever else is an
// answer of somebody else on the way, and the next call looks.
func TestServiceNowOnly201(t *testing.T) {
	f := &faulty{}
	url := f.serve(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		fmt.Fprint(w, `{"result":{"sys_id":"1","number":"INC1"}}`)
	})
	if got := newServiceNow(t, url, 0).Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()}); got.Class != receiver.Ambiguous {
		t.Errorf("%+v", got)
	}
}

// TestServiceNowLeavesPeopleAlone: what a person closed is not opened, changed
// or closed again; what a person deleted is opened again while the problem
// stands.
func TestServiceNowLeavesPeopleAlone(t *testing.T) {
	s := &instance{}
	to := newServiceNow(t, s.start(t), 0)
	ref := to.Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()}).Ref
	s.incidents[0]["state"] = "7"
	for _, m := range []receiver.Message{firing(), resolved()} {
		m.Title = "news"
		got := to.Send(t.Context(), receiver.Call{ID: "nt_2", Message: m, Ref: ref})
		if got.Class != receiver.Delivered || s.incidents[0]["state"] != "7" || s.incidents[0]["short_description"] == "news" {
			t.Errorf("%+v, %q", got, s.incidents[0])
		}
	}
	s.incidents = nil
	if got := to.Send(t.Context(), receiver.Call{ID: "nt_3", Message: resolved(), Ref: ref}); got.Class != receiver.Delivered || len(s.incidents) != 0 {
		t.Errorf("%+v", got)
	}
	if got := to.Send(t.Context(), receiver.Call{ID: "nt_4", Message: firing(), Ref: ref}); got.Class != receiver.Delivered || len(s.incidents) != 1 {
		t.Errorf("%+v", got)
	}
}

// An account that may not see correlation_id is answered with some incident,
// which must not be taken for ours.
func TestServiceNowTakesNoOtherIncident(t *testing.T) {
	s := &instance{blind: true, incidents: []map[string]string{{"sys_id": "1", "correlation_id": "another", "state": "1"}}}
	got := newServiceNow(t, s.start(t), 0).Send(t.Context(), receiver.Call{ID: "nt_1", Message: resolved(), Again: true})
	if got.Class != receiver.Environment || s.incidents[0]["state"] != "1" {
		t.Errorf("%+v", got)
	}
}

func TestNewServiceNowReportsEveryFaultAndNoSecret(t *testing.T) {
	_, err := receiver.NewServiceNow(receiver.ServiceNowConfig{
		InstanceURL: "http://hush.test", Password: "hush", Table: "a/b", Fields: map[string]string{"state": "hush", "X": ""},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"not https", "username and a password", "table", `"state"`, `"X"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("%q quotes a secret", err)
	}
}
