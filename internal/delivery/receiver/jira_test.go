package receiver_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

func newJira(t *testing.T, url string, change func(*receiver.JiraConfig)) *receiver.Jira {
	t.Helper()
	cfg := receiver.JiraConfig{
		APIURL: url + "/rest/api/3", APIType: "cloud", Username: "telltale", Password: "hush", Project: "OPS", IssueType: "Incident",
		Priority: "High", Labels: []string{"release"}, Fields: map[string]any{"customfield_1": []string{"a"}},
		IndexLag: time.Millisecond, AllowPrivate: true,
	}
	if change != nil {
		change(&cfg)
	}
	j, err := receiver.NewJira(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j
}

func TestJiraConformance(t *testing.T) {
	receivertest.Run(t, receivertest.Setup{
		New: func(t *testing.T, url string, timeout time.Duration) receiver.Receiver {
			return newJira(t, url, func(c *receiver.JiraConfig) { c.Timeout = timeout })
		},
		Secrets:   []string{"hush", "dGVsbHRhbGU6aHVzaA=="},
		Doubts5xx: true,
		Accept: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"id":"10000","key":"OPS-1"}`)
		},
	})
}

// issue is one of the fake Jira. unseen is how many searches will not find it.
type issue struct {
	Key      string
	Summary  string
	Labels   []string
	Done     bool
	unseen   int
	modified int
}

// jira plays Jira with one project. Its search knows new issues late.
type jira struct {
	faulty
	api    string // "/rest/api/3"
	lag    int    // searches that do not know a new issue
	issues []*issue
}

func (j *jira) start(t *testing.T) string {
	return j.serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		if user, password, _ := r.BasicAuth(); user != "telltale" || password != "hush" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		path, _ := strings.CutPrefix(r.URL.Path, j.api+"/")
		parts := strings.Split(path, "/")
		at := -1
		if len(parts) > 1 {
			at = slices.IndexFunc(j.issues, func(i *issue) bool { return i.Key == parts[1] })
		}
		type fields struct {
			Fields struct {
				Summary string   `json:"summary"`
				Labels  []string `json:"labels"`
			} `json:"fields"`
		}
		switch {
		case path == "issue":
			sent := decode[fields](t, body)
			j.issues = append(j.issues, &issue{
				Key: fmt.Sprintf("OPS-%d", len(j.issues)+1), Summary: sent.Fields.Summary, Labels: sent.Fields.Labels, unseen: j.lag,
			})
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"id":"1","key":"OPS-%d"}`, len(j.issues))
		case path == "search/jql" || path == "search":
			jql := decode[map[string]any](t, body)["jql"].(string)
			hits := []map[string]any{}
			for _, i := range j.issues {
				if i.unseen--; i.unseen < 0 && slices.ContainsFunc(i.Labels, func(l string) bool { return strings.Contains(jql, `"`+l+`"`) }) {
					hits = append(hits, map[string]any{"key": i.Key, "fields": map[string]any{"labels": i.Labels}})
				}
			}
			fmt.Fprintf(w, `{"issues":%s}`, encoded(t, hits))
		case at < 0:
			w.WriteHeader(http.StatusNotFound)
		case len(parts) == 3 && r.Method == http.MethodGet:
			fmt.Fprint(w, `{"transitions":[
				{"id":"11","name":"Start","to":{"statusCategory":{"key":"indeterminate"}}},
				{"id":"21","name":"Fertig","to":{"statusCategory":{"key":"done"}}},
				{"id":"31","name":"Won't do","to":{"statusCategory":{"key":"done"}}}]}`)
		case len(parts) == 3:
			j.issues[at].Done = j.issues[at].Done || !strings.Contains(string(body), `"11"`)
			w.WriteHeader(http.StatusNoContent)
		case r.Method == http.MethodPut:
			j.issues[at].Summary = decode[fields](t, body).Fields.Summary
			j.issues[at].modified++
			w.WriteHeader(http.StatusNoContent)
		default:
			category := "new"
			if j.issues[at].Done {
				category = "done"
			}
			fmt.Fprintf(w, `{"key":"%s","fields":{"status":{"statusCategory":{"key":"%s"}}}}`, parts[1], category)
		}
	})
}

// TestJiraShowsOneIssue: whatever fails on the way, and though the search knows
// an issue only at the second look, people see one issue for each problem, with
// the last word about it.
func TestJiraShowsOneIssue(t *testing.T) {
	for api, kind := range map[string]string{"/rest/api/3": "cloud", "/rest/api/2": "datacenter"} {
		j := &jira{api: api, lag: 1}
		url := j.start(t)
		to := newJira(t, url, func(c *receiver.JiraConfig) { c.APIURL, c.APIType = url+api, kind })
		rapid.Check(t, func(rt *rapid.T) {
			j.issues = nil
			story(rt, &j.faulty, to, func(episode, _ int, m receiver.Message) {
				if len(j.issues) != episode+1 {
					rt.Fatalf("%d issues for %d problems", len(j.issues), episode+1)
				}
				if now := j.issues[episode]; now.Summary != m.Title || now.Done != (m.Status == receiver.StatusResolved) {
					rt.Fatalf("%q is shown as %+v", m.Title, now)
				}
			})
		})
	}
}

func TestJiraBodies(t *testing.T) {
	j := &jira{api: "/rest/api/3"}
	url := j.start(t)
	to := newJira(t, url, nil)
	got := to.Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()})
	if got.Class != receiver.Delivered || got.Ref != "OPS-1" {
		t.Fatalf("%+v", got)
	}
	goldenJSON(t, "jira-firing", j.last())
	if got := to.Send(t.Context(), receiver.Call{ID: "nt_2", Message: resolved(), Ref: got.Ref}); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	goldenJSON(t, "jira-transition", j.last())

	named := newJira(t, url, func(c *receiver.JiraConfig) { c.ResolveTransition = "won't DO" })
	ref := named.Send(t.Context(), receiver.Call{ID: "nt_3", Message: firing()}).Ref
	if got := named.Send(t.Context(), receiver.Call{ID: "nt_4", Message: resolved(), Ref: ref}); got.Class != receiver.Delivered || !strings.Contains(string(j.last()), `"31"`) {
		t.Errorf("%+v by %s", got, j.last())
	}
	nowhere := newJira(t, url, func(c *receiver.JiraConfig) { c.ResolveTransition = "Close" })
	ref = nowhere.Send(t.Context(), receiver.Call{ID: "nt_5", Message: firing()}).Ref
	if got := nowhere.Send(t.Context(), receiver.Call{ID: "nt_6", Message: resolved(), Ref: ref}); got.Class != receiver.Environment {
		t.Errorf("%+v", got)
	}
}

// TestJiraReadsNoMarkup: what came in over an event mentions nobody, links
// nowhere and fits.
func TestJiraReadsNoMarkup(t *testing.T) {
	j := &jira{api: "/rest/api/2"}
	url := j.start(t)
	to := newJira(t, url, func(c *receiver.JiraConfig) { c.APIURL, c.APIType = url+"/rest/api/2", "datacenter" })
	m := firing()
	m.Alert = `al" OR project = "HR`
	m.Title = "[~admin]\nh1. news"
	m.Text = "{noformat}\n[~admin] [click|https://evil.example] !https://evil.example/x.png!"
	if got := to.Send(t.Context(), receiver.Call{ID: "nt_1", Message: m}); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	goldenJSON(t, "jira-hostile", j.last())
	if got := to.Send(t.Context(), receiver.Call{ID: "nt_2", Message: hostile()}); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
	sent := decode[struct {
		Fields struct {
			Summary     string `json:"summary"`
			Description string `json:"description"`
		} `json:"fields"`
	}](t, j.last()).Fields
	if n := utf8.RuneCountInString(sent.Summary); n != 255 {
		t.Errorf("the summary has %d characters", n)
	}
	if n := utf8.RuneCountInString(sent.Description); n > 32_767 || n < 15_000 {
		t.Errorf("the description has %d characters", n)
	}
}

// TestJiraLeavesPeopleAlone: an issue that a person ended is not changed.
func TestJiraLeavesPeopleAlone(t *testing.T) {
	j := &jira{api: "/rest/api/3"}
	to := newJira(t, j.start(t), nil)
	ref := to.Send(t.Context(), receiver.Call{ID: "nt_1", Message: firing()}).Ref
	j.issues[0].Done = true
	for _, m := range []receiver.Message{firing(), resolved()} {
		got := to.Send(t.Context(), receiver.Call{ID: "nt_2", Message: m, Ref: ref})
		if got.Class != receiver.Delivered || j.issues[0].modified != 0 {
			t.Errorf("%+v, %+v", got, j.issues[0])
		}
	}
	if got := to.Send(t.Context(), receiver.Call{ID: "nt_3", Message: firing(), Ref: "OPS-99"}); got.Class != receiver.Delivered || got.Ref != "OPS-2" {
		t.Errorf("%+v", got) // deleted, and the problem stands
	}
}

func TestNewJiraReportsEveryFaultAndNoSecret(t *testing.T) {
	_, err := receiver.NewJira(receiver.JiraConfig{
		APIURL: "http://hush.test", Password: "hush", Token: "hush", Project: `O"PS`, APIType: "x", Labels: []string{"a b"},
		Fields: map[string]any{"summary": "x"},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"not https", "a password and a token", "project", "issue_type", "api_type", "label", `"summary"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "hush") {
		t.Errorf("%q quotes a secret", err)
	}
}
