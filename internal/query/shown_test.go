package query_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
	"github.com/telltale-dev/telltale/pkg/statemachine"
)

// What is shown is listed, filtered and told apart, never what is under it.
func TestShown(t *testing.T) {
	f := newFixture(t, nil)
	f.release()
	const key = "prod/us-east-1/payments/7.1"
	before := f.do(http.MethodGet, "/v1/deployments/"+key).header.Get("ETag")
	due := epoch.Add(9 * time.Minute)
	f.show(key, statemachine.Neighbours{Stall: statemachine.Stall{Reason: "silent", Due: due.UnixNano()}})
	for query, want := range map[string]string{
		"status=stalled":                          key,
		"status=planned":                          "",
		"since=2026-03-01T10:09:00Z":              key,
		"since=2026-03-01T10:09:01Z":              "",
		"env=prod&release=r7&status=stalled":      key,
		"status=stalled&status=failed&limit=1000": "prod/us-east-1/checkout/2.14.0 " + key,
	} {
		if got := f.list("/v1/deployments?" + query).keys(); got != want {
			t.Errorf("?%s: %s, want %s", query, got, want)
		}
	}
	if len(f.pages("/v1/deployments?status=stalled&limit=1")) != 1 {
		t.Error("it is not on just one page")
	}
	after := f.do(http.MethodGet, "/v1/deployments/"+key, "If-None-Match", before)
	if after.status != http.StatusOK || after.header.Get("ETag") == before {
		t.Errorf("it stalled, and the tag is %s, was %s", after.header.Get("ETag"), before)
	}
	f.show(key, statemachine.Neighbours{
		Frozen: []statemachine.Freeze{{Name: "xmas"}},
		Waits:  []statemachine.Dependency{{Region: "us-east-1", Component: "stock", Deployment: "1", Status: "failed"}},
	})
	golden(t, "deployment-blocked", f.get("/v1/deployments/"+key))
	golden(t, "explain-blocked", f.get("/v1/deployments/"+key+"/explain"))
	const landed = "prod/eu-west-1/checkout/2.14.0"
	f.show(landed, statemachine.Neighbours{Observed: &statemachine.Observed{Version: "2.13.0", Source: "/probe", ID: "p1", Tau: due.UnixNano()}})
	var d view.DeploymentBody
	f.into(&d, "/v1/deployments/"+landed)
	if d.Observed == nil || d.Observed.Version != "2.13.0" || strings.Join(d.Conditions, " ") != "drift" {
		t.Errorf("the drift: %+v %v", d.Observed, d.Conditions)
	}
}

// Facts about regions, sources and components are joined when read, and the tag
// goes with them.
func TestJoined(t *testing.T) {
	f := newFixture(t, nil)
	f.release()
	const key = "prod/eu-west-1/checkout/2.14.0"
	read := func(want ...string) (d view.DeploymentBody, tag string) {
		t.Helper()
		f.into(&d, "/v1/deployments/"+key)
		if strings.Join(d.Conditions, " ") != strings.Join(want, " ") {
			t.Errorf("the conditions are %v, want %v", d.Conditions, want)
		}
		return d, f.do(http.MethodGet, "/v1/deployments/"+key).header.Get("ETag")
	}
	_, bare := read()
	f.update(func(w *store.Writer) error {
		numbers := view.Numbers{Heard: []view.Range{{From: 1, To: 3}, {From: 7, To: 9}}}
		err := w.PutSource("/ci/checkout", &store.SourceRow{Last: epoch.UnixNano(), Contiguous: true, Numbers: numbers})
		if err == nil {
			err = w.PutSource("/argo/prod", &store.SourceRow{Last: epoch.UnixNano()})
		}
		return err
	})
	_, incomplete := read("incomplete")
	f.apply(-90, `apiVersion: telltale.dev/v1
kind: Source
metadata: {name: argo, version: "1"}
spec: {match: {source: ["/argo/*"]}, owner: team-cd, expected_every: 5m}
`, "prod")
	_, offline := read("incomplete", "offline")
	golden(t, "sources", f.get("/v1/sources"))

	f.apply(-90, component("checkout", "1", "checkout", "team-pay"))
	f.apply(-80, component("all", "1", "*", "team-ops"))
	f.apply(30, component("checkout", "2", "checkout", "team-late"))
	d, owned := read("incomplete", "offline")
	if d.Owner != "team-pay" || d.Escalation != "team-pay-lead" || d.Impact != "Nobody can pay." || d.Unit != "retail" || d.Labels["tier"] != "1" {
		t.Errorf("it is %s's, %s, %s, %s, %v", d.Owner, d.Escalation, d.Impact, d.Unit, d.Labels)
	}
	tags := map[string]bool{bare: true, incomplete: true, offline: true, owned: true}
	if len(tags) != 4 {
		t.Errorf("four answers have the tags %v", tags)
	}
	var slots view.List[view.SlotListed]
	f.into(&slots, "/v1/slots?env=prod&component=payments")
	if s := slots.Items[0]; s.Owner != "team-ops" || s.Component != "payments" {
		t.Errorf("the slot is %+v", s)
	}
	var r view.ReleaseBody
	f.into(&r, "/v1/releases/prod/r7")
	if strings.Join(r.Impacts, " ") != "Nobody can pay." || r.Members[0].Owner != "team-pay" || r.Members[2].Owner != "team-ops" {
		t.Errorf("the release is %+v", r)
	}
}

// Documents are compiled once for all who ask, and anew when there is another.
func TestDefinitionsAreShared(t *testing.T) {
	f := newFixture(t, nil)
	for version := range 3 {
		f.apply(version, component("checkout", fmt.Sprint(version), "checkout", fmt.Sprint("team", version)))
		var asking sync.WaitGroup
		answers := make([]string, 4)
		for i := range answers {
			asking.Go(func() {
				res, err := http.Get(f.url + "/v1/definitions")
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(res.Body)
				if err = errors.Join(err, res.Body.Close()); err != nil {
					t.Error(err)
				}
				answers[i] = string(body)
			})
		}
		asking.Wait()
		for _, a := range answers {
			if a != answers[0] || !strings.Contains(a, fmt.Sprintf(`"version":"%d"`, version)) {
				t.Errorf("version %d: %s", version, a)
			}
		}
	}
}

func TestDefinitions(t *testing.T) {
	f := newFixture(t, nil)
	f.apply(-90, component("checkout", "1", "checkout", "a"))
	f.apply(-80, component("checkout", "2", "checkout", "b"))
	f.apply(-70, component("checkout", "3", "checkout", "c"), "stage")
	f.apply(30, component("checkout", "4", "checkout", "d"))
	f.apply(-60, component("pay", "1", "pay", "a"), "prod", "stage")
	f.apply(-50, component("pay", "2", "pay", "b"), "prod")
	f.apply(-40, component("pay", "3", "pay", "c"), "stage")
	golden(t, "definitions", f.get("/v1/definitions"))
	for query, want := range map[string]int{"all=true": 7, "kind=Component": 4, "kind=Source": 0, "name=pay": 2, "name=pay&all=true": 3} {
		var l view.List[struct {
			Document string `json:"document"`
		}]
		f.into(&l, "/v1/definitions?"+query)
		if len(l.Items) != want {
			t.Errorf("?%s: %d documents, want %d", query, len(l.Items), want)
		}
		for _, d := range l.Items {
			if (d.Document != "") != strings.Contains(query, "name=") {
				t.Errorf("?%s: the document is %q", query, d.Document)
			}
		}
	}
}

// Without a clock what was declared counts from when it was, before any tick says
// that the time has come.
func TestInForceWithoutClock(t *testing.T) {
	f := newFixture(t, nil)
	f.serve(nil)
	f.apply(0, component("checkout", "1", "checkout", "a"))
	f.say(1, events.TypeFreezeDeclared, "prod", events.Freeze{Name: "xmas", From: epoch, To: epoch.AddDate(0, 0, 1)}, false)
	for _, path := range []string{"/v1/definitions", "/v1/freezes"} {
		var l view.List[struct {
			InForce bool `json:"in_force"`
		}]
		if f.into(&l, path); len(l.Items) != 1 || !l.Items[0].InForce {
			t.Errorf("%s: %+v", path, l.Items)
		}
	}
	// A tick may have gone on further.
	f.update(func(w *store.Writer) error {
		return w.PutTick(&store.Tick{Recorder: "one", Regions: []string{"eu"}, At: epoch.AddDate(0, 0, 2).UnixNano()})
	})
	var freezes view.List[view.FreezeBody]
	if f.into(&freezes, "/v1/freezes"); freezes.Items[0].InForce {
		t.Error("the freeze is over")
	}
}

// Follow words are listed while they wait for a name, and are part of the history
// of the deployment that has it.
func TestFollowWords(t *testing.T) {
	f := newFixture(t, nil)
	const slot, key = "prod/eu/app", "prod/eu/app/1"
	f.tell(key, word{minute: 0, status: "in_progress", version: "1.0"})
	f.say(1, events.TypeReported, slot+"/_", events.Reported{Status: "deployed", Version: "1.0"}, true)
	f.say(2, events.TypeProgressed, slot+"/_", events.Progressed{Message: "soon"}, true)
	f.say(3, events.TypeReported, slot+"/_", events.Reported{Status: "deployed", Refs: []string{"git:org/app@9"}}, false)
	f.say(4, events.TypeObserved, slot, events.Observed{Version: "3.0"}, false)
	f.say(5, events.TypeReported, "prod/us/app/_", events.Reported{Status: "deployed"}, false)
	golden(t, "unplaced", f.get("/v1/unplaced"))
	if got := f.pages("/v1/unplaced?limit=1"); len(got) != 3 {
		t.Errorf("%d on pages of one, want 3", len(got))
	}
	if got := f.pages("/v1/unplaced?env=prod&region=eu&limit=1"); len(got) != 2 {
		t.Errorf("%d in one region, want 2", len(got))
	}
	var l view.List[view.Heard]
	f.into(&l, "/v1/deployments/"+key+"/events")
	got := ""
	for _, h := range l.Items {
		got += h.Said + " by " + h.PlacedBy + ", "
	}
	if got != "in_progress by , deployed by 1.0,  by under_way, " {
		t.Errorf("the history: %s", got)
	}
	f.update(func(w *store.Writer) error {
		return w.PutSlot(slot, &view.Slot{Follows: true, Latest: view.Latest{Deployment: "1"}})
	})
	var slots view.List[view.SlotListed]
	if f.into(&slots, "/v1/slots"); slots.Items[0].Unplaced != 2 {
		t.Errorf("the slot counts %d, want 2", slots.Items[0].Unplaced)
	}
}

// Lists can be asked for as they were believed.
func TestAsOf(t *testing.T) {
	f := newFixture(t, nil)
	f.release()
	for query, want := range map[string]string{
		"as_of=2026-03-01T10:00:30Z":                            "prod/eu-west-1/checkout/2.13.0:deployed prod/eu-west-1/checkout/2.14.0:planned",
		"as_of=2026-03-01T10:01:30Z&status=planned":             "",
		"as_of=2026-03-01T10:02:30Z&env=prod&region=us-east-1":  "prod/us-east-1/checkout/2.14.0:in_progress",
		"as_of=2026-03-01T10:03:01Z&env=prod&region=us-east-1":  "prod/us-east-1/checkout/2.14.0:failed",
		"as_of=2026-03-01T08:00:00Z":                            "",
		"as_of=2026-03-01T10:03:01Z&status=failed":              "prod/us-east-1/checkout/2.14.0:failed",
		"as_of=2026-03-01T10:03:01Z&since=2026-03-01T10:03:00Z": "prod/us-east-1/checkout/2.14.0:failed",
	} {
		for _, limit := range []string{"", "&limit=1"} {
			var got []string
			for cursor := ""; ; {
				var l view.List[view.BeliefBody]
				f.into(&l, "/v1/deployments?"+query+limit+cursor)
				for _, b := range l.Items {
					got = append(got, b.Key+":"+b.Status)
				}
				if l.Next == "" {
					break
				}
				cursor = "&cursor=" + l.Next
			}
			if strings.Join(got, " ") != want {
				t.Errorf("?%s%s: %s, want %s", query, limit, got, want)
			}
		}
	}
	golden(t, "belief", f.get("/v1/deployments/prod/us-east-1/checkout/2.14.0?as_of=2026-03-01T10:02:30Z"))
}
