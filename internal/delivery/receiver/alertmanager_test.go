package receiver_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
)

const bearer = "B34R3R-T0K3N"

// later is when the tests' calls are made.
var later = time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)

func newAlertmanager(t *testing.T, timeout time.Duration, urls ...receiver.Secret) *receiver.Alertmanager {
	t.Helper()
	a, err := receiver.NewAlertmanager(receiver.AlertmanagerConfig{
		URLs: urls, BearerToken: bearer, Timeout: timeout, AllowPrivate: true, Now: func() time.Time { return later },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// postedAlert is what the fake reads.
type postedAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL"`
}

// alertmanager plays one peer: an alert is its labels, it stands until its
// endsAt, and one without endsAt until the peer's resolve_timeout.
type alertmanager struct {
	faulty
	ends  map[string]time.Time // by labels
	pages int
}

func (a *alertmanager) start(t *testing.T) receiver.Secret {
	a.ends = map[string]time.Time{}
	return receiver.Secret(a.serve(t, func(w http.ResponseWriter, r *http.Request, body []byte) {
		if r.URL.Path != "/api/v2/alerts" || r.Header.Get("Authorization") != "Bearer "+bearer {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		for _, p := range decode[[]postedAlert](t, body) {
			if p.EndsAt.IsZero() {
				p.EndsAt = later.Add(5 * time.Minute)
			}
			if p.StartsAt.IsZero() || p.EndsAt.Before(p.StartsAt) || len(p.Labels) == 0 {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			identity := fmt.Sprint(p.Labels)
			if p.EndsAt.After(later) && !a.ends[identity].After(later) {
				a.pages++
			}
			a.ends[identity] = p.EndsAt
		}
	}))
}

// standing returns how many alerts stand at a time.
func (a *alertmanager) standing(at time.Time) int {
	n := 0
	for _, end := range a.ends {
		if end.After(at) {
			n++
		}
	}
	return n
}

func TestAlertmanagerConformance(t *testing.T) {
	receivertest.Run(t, receivertest.Setup{
		New: func(t *testing.T, url string, timeout time.Duration) receiver.Receiver {
			return newAlertmanager(t, timeout, receiver.Secret(url))
		},
		Secrets:   []string{bearer},
		Doubts5xx: true,
	})
}

func TestAlertmanagerBodies(t *testing.T) {
	var fake alertmanager
	a := newAlertmanager(t, 0, fake.start(t))
	for name, m := range map[string]receiver.Message{"firing": firing(), "resolved": resolved()} {
		if got := a.Send(t.Context(), receiver.Call{ID: "nt_42", Message: m}); got.Class != receiver.Delivered {
			t.Fatalf("%s: %+v", name, got)
		}
		goldenJSON(t, "alertmanager-"+name, fake.last())
	}
	if got := a.Send(t.Context(), receiver.Call{ID: "nt_43", Message: hostile()}); got.Class != receiver.Delivered {
		t.Fatalf("%+v", got)
	}
}

// TestAlertmanagerHasOneAlert: whatever requests to one peer are lost, each
// episode is one alert at all peers, it does not end by itself, and it is over
// when we say so.
func TestAlertmanagerHasOneAlert(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var one, other alertmanager
		a := newAlertmanager(t, 0, one.start(t), other.start(t))
		story(rt, &one.faulty, a, func(episode, _ int, m receiver.Message) {
			for _, peer := range []*alertmanager{&one, &other} {
				want := 0
				if m.Status == receiver.StatusFiring {
					want = 1
				}
				soon := later.Add(24 * time.Hour)
				if got := peer.standing(soon); got != want || peer.pages != episode+1 {
					rt.Fatalf("%d alerts stand after %s, %d pages in %d episodes", got, m.Status, peer.pages, episode+1)
				}
			}
		})
	})
}

// TestAlertmanagerKeepsAttemptsApart: alerts with the same labels are not one.
func TestAlertmanagerKeepsAttemptsApart(t *testing.T) {
	var fake alertmanager
	a := newAlertmanager(t, 0, fake.start(t))
	second := firing()
	second.Alert = "al_second"
	for _, m := range []receiver.Message{firing(), second, resolved()} {
		a.Send(t.Context(), receiver.Call{ID: "nt_1", Message: m})
	}
	if got := fake.standing(later); got != 1 {
		t.Errorf("%d alerts stand, want that of the second attempt", got)
	}
}

func TestAlertmanagerPeersAreJudgedTogether(t *testing.T) {
	cases := []struct {
		statuses []int
		class    receiver.Class
		gone     bool
		detail   string
	}{
		{[]int{200, 200}, receiver.Delivered, false, ""},
		{[]int{200, 500}, receiver.Ambiguous, false, "1 of 2 peers"},
		{[]int{400, 500}, receiver.Ambiguous, false, "2 of 2 peers"},
		{[]int{200, 400}, receiver.Ambiguous, false, "answered 400"},
		{[]int{400, 429}, receiver.Transient, false, "2 of 2 peers"},
		{[]int{301, 408}, receiver.Transient, false, "answered 301"},
		{[]int{400, 400}, receiver.Permanent, false, "2 of 2 peers"},
		{[]int{410, 410}, receiver.Permanent, true, ""},
		{[]int{410, 400, 200}, receiver.Ambiguous, false, "2 of 3 peers"},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.statuses), func(t *testing.T) {
			var urls []receiver.Secret
			for _, status := range c.statuses {
				var peer faulty
				urls = append(urls, receiver.Secret(peer.serve(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
					w.Header().Set("Retry-After", fmt.Sprint(status-400))
					w.WriteHeader(status)
				})))
			}
			got := newAlertmanager(t, 0, urls...).Send(t.Context(), receivertest.Call())
			if got.Class != c.class || got.Gone != c.gone {
				t.Errorf("%+v", got)
			}
			if c.detail != "" {
				wantFaults(t, fmt.Errorf("%s", got.Detail), c.detail)
			}
		})
	}
}

// TestAlertmanagerTimesAreInOrder: whatever clocks say, the times are those that
// an Alertmanager takes, and mean what the message means.
func TestAlertmanagerTimesAreInOrder(t *testing.T) {
	var fake alertmanager
	a := newAlertmanager(t, 0, fake.start(t))
	rapid.Check(t, func(rt *rapid.T) {
		at := func(what string) time.Time {
			return later.Add(time.Duration(rapid.IntRange(-200, 200).Draw(rt, what)) * time.Hour)
		}
		m := firing()
		m.Since, m.At = at("since"), at("at")
		if rapid.Bool().Draw(rt, "over") {
			m.Status = receiver.StatusResolved
		}
		if got := a.Send(rt.Context(), receiver.Call{ID: "nt_1", Message: m}); got.Class != receiver.Delivered {
			rt.Fatalf("%+v", got)
		}
		p := decode[[]postedAlert](rt, fake.last())[0]
		if p.StartsAt.After(later) || p.EndsAt.After(later) != (m.Status == receiver.StatusFiring) {
			rt.Fatalf("%s from %s to %s, sent at %s", m.Status, p.StartsAt, p.EndsAt, later)
		}
	})
}

func TestNewAlertmanagerReportsEveryFaultAndNoSecret(t *testing.T) {
	_, err := receiver.NewAlertmanager(receiver.AlertmanagerConfig{
		URLs: []receiver.Secret{"http://hush.test", "https://u:hush@b.test"}, BearerToken: "hush", EndsAfter: time.Second,
	})
	wantFaults(t, err, "peer 1: the URL is not https", "peer 2: the URL carries", "at least 1m")
	_, err = receiver.NewAlertmanager(receiver.AlertmanagerConfig{})
	wantFaults(t, err, "at least one peer")
}
