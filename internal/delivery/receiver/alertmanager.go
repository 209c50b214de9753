package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// AlertmanagerConfig configures a cluster of Alertmanagers, or a single one.
type AlertmanagerConfig struct {
	// URLs are the addresses of all peers, without /api/v2/alerts. Required.
	// Peers do not hand alerts on to each other, so an address with a load
	// balancer behind it does not do. https, unless AllowPrivate.
	URLs []Secret

	// BearerToken authorizes calls, if it is not empty.
	BearerToken Secret

	// EndsAfter is how long a problem stands at most without another word from
	// us, at least a minute. Default 72 h. See [Alertmanager].
	EndsAfter time.Duration

	AllowPrivate bool             // as in [WebhookConfig]
	Timeout      time.Duration    // of one call to a peer, its answer included; default 15 s
	Now          func() time.Time // what endsAt counts from; default time.Now
}

const (
	defaultEndsAfter = 72 * time.Hour
	minEndsAfter     = time.Minute
)

// Alertmanager posts alerts to the API v2 of all peers of a cluster.
//
// To an Alertmanager the labels are the alert. Ours carry the id of the alert
// beside the message's, so that the end of one attempt cannot close the alert of
// the next, and firing and resolved are the same to it.
//
// An alert without endsAt is resolved by the Alertmanager itself after its
// resolve_timeout, five minutes by default, if nobody sends it again. As each
// message is sent once, that would be an all-clear for what still stands; so
// endsAt is set, EndsAfter from the call. What this cannot mend: an Alertmanager
// that restarts forgets its alerts until they are sent again.
type Alertmanager struct {
	endpoint
	urls      []string
	token     Secret
	endsAfter time.Duration
}

func alertmanagerKind() Kind {
	return Kind{
		Name:    "alertmanager",
		Summary: "Posts an alert to all peers of an Alertmanager cluster, through the API v2.",
		Repeats: "Nothing: the labels are the alert's identity.",
	}
}

// NewAlertmanager returns a receiver for cfg. It reports all faults of cfg at
// once, without quoting an address, and connects to nothing yet.
func NewAlertmanager(cfg AlertmanagerConfig) (*Alertmanager, error) {
	var faults []error
	if len(cfg.URLs) == 0 {
		faults = append(faults, errors.New("alertmanager: the address of at least one peer is needed"))
	}
	if cfg.EndsAfter == 0 {
		cfg.EndsAfter = defaultEndsAfter
	}
	if cfg.EndsAfter < minEndsAfter {
		faults = append(faults, fmt.Errorf("alertmanager: a problem has to stand for at least %s", minEndsAfter))
	}
	a := &Alertmanager{token: cfg.BearerToken, endsAfter: cfg.EndsAfter}
	for i, u := range cfg.URLs {
		if err := checkURL(string(u), cfg.AllowPrivate); err != nil {
			faults = append(faults, fmt.Errorf("alertmanager: peer %d: %w", i+1, err))
		}
		a.urls = append(a.urls, strings.TrimSuffix(string(u), "/")+"/api/v2/alerts")
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	slices.Sort(a.urls)
	a.endpoint = newEndpoint("alertmanager", cfg.Timeout, cfg.AllowPrivate, cfg.Now, a.urls...)
	return a, nil
}

// Send posts the alert to all peers at a time. It counts as delivered once every
// peer has taken it; until then all of them get it again, which none of them
// shows.
func (a *Alertmanager) Send(ctx context.Context, c Call) Result {
	body, err := encode([]postableAlert{a.alert(&c.Message)})
	if err != nil {
		return unwritable()
	}
	results := make([]Result, len(a.urls))
	var wg sync.WaitGroup
	for i, u := range a.urls {
		wg.Go(func() {
			result, _ := a.post(ctx, u, jsonHeader(a.token), body)
			results[i] = creating(result) // should it be over before the retry, it still has to be closed
		})
	}
	wg.Wait()
	return together(results)
}

// together gives the verdict on one message to several peers, with the detail of
// the worst. While one may still take it, the call has to be repeated, even for a
// peer that never will. If some have it and others not, it is ambiguous: the end
// of the problem has to be sent even if the beginning was given up.
func together(results []Result) Result {
	byHope := func(a, b Result) int { return cmp.Compare(hope(a.Class), hope(b.Class)) }
	r, best := slices.MinFunc(results, byHope), slices.MaxFunc(results, byHope)
	if len(results) == 1 || r.Class == Delivered {
		return r
	}
	missing := 0
	for _, one := range results {
		r.RetryAfter = max(r.RetryAfter, one.RetryAfter)
		r.Gone = r.Gone && one.Gone
		if one.Class != Delivered {
			missing++
		}
	}
	r.Detail = fmt.Sprintf("%d of %d peers have not confirmed it: %s", missing, len(results), r.Detail)
	if r.Class = best.Class; best.Class == Delivered {
		r.Class = Ambiguous
	}
	return r
}

// hope orders the classes by how much is left to hope for.
func hope(c Class) int {
	return slices.Index([]Class{Permanent, Environment, Transient, Ambiguous, Delivered}, c)
}

// postableAlert is an alert as the API v2 takes it.
type postableAlert struct {
	Labels       map[string]string `json:"labels"`
	Annotations  map[string]string `json:"annotations"`
	StartsAt     time.Time         `json:"startsAt"`
	EndsAt       time.Time         `json:"endsAt"`
	GeneratorURL string            `json:"generatorURL,omitzero"`
}

// alert is the message as of now. Its times are in the order that an
// Alertmanager insists on, whatever the clocks of those who reported them: the
// beginning is not after now, and the end is neither before the beginning nor,
// of what is over, after now.
func (a *Alertmanager) alert(m *Message) postableAlert {
	now := a.now().UTC()
	p := postableAlert{
		Labels: alertLabels(m), Annotations: alertAnnotations(m.Title, m.Text), GeneratorURL: m.Link,
		StartsAt: earlier(m.Since.UTC(), now), EndsAt: now.Add(a.endsAfter),
	}
	if m.Status == StatusResolved {
		p.EndsAt = earlier(m.At.UTC(), now)
		if p.EndsAt.Before(p.StartsAt) {
			p.EndsAt = p.StartsAt
		}
	}
	return p
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// labelAlert is the label that holds the alert's id.
const labelAlert = "alert"

// alertLabels are what an Alertmanager, and whoever takes its webhook, knows the
// alert by.
func alertLabels(m *Message) map[string]string {
	labels := make(map[string]string, len(m.Labels)+1)
	maps.Copy(labels, m.Labels)
	labels[labelAlert] = m.Alert
	return labels
}

func alertAnnotations(summary, description string) map[string]string {
	return map[string]string{"summary": summary, "description": description}
}
