package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/pkg/events"
)

// pager is the endpoint of the person on call. It remembers what it was sent.
type pager struct {
	t   testing.TB
	url string

	mu    sync.Mutex
	calls int                          // guarded by mu
	ids   map[string]map[string]string // guarded by mu; alert and status → webhook-id → body
}

func newPager(t testing.TB) *pager {
	t.Helper()
	p := &pager{t: t, ids: map[string]map[string]string{}}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	p.url = s.URL
	return p
}

func (p *pager) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender was killed: it will come again
	}
	var e struct {
		Data struct{ Alert, Status string }
	}
	if err := json.Unmarshal(body, &e); err != nil {
		p.t.Errorf("the pager was sent %s: %v", body, err)
		return
	}
	about, id := e.Data.Alert+" "+e.Data.Status, r.Header.Get("Webhook-Id")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.ids[about] == nil {
		p.ids[about] = map[string]string{}
	}
	if before, again := p.ids[about][id]; again && before != string(body) {
		p.t.Errorf("webhook-id %s carries\n%s\nand before\n%s", id, body, before)
	}
	p.ids[about][id] = string(body)
}

// sent returns what the pager has heard of so far, and in how many calls.
func (p *pager) sent() (about map[string]int, calls int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	about = make(map[string]int, len(p.ids))
	for a, ids := range p.ids {
		about[a] = len(ids)
	}
	return about, p.calls
}

// configuration returns a file that routes alerts to the pager.
func (p *pager) configuration(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "telltale.yaml")
	doc := fmt.Sprintf(`notifier:
  route: {receiver: pager}
  receivers:
    - name: pager
      webhook_configs: [{url: %q, secret: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", allow_private: true}]
`, p.url)
	if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKill ends all roles at once, as a power cut would, at random moments while
// events come in. What was acknowledged is there, the state is that of a quiet
// run, and people are told of each problem, again only under the same id.
func TestKill(t *testing.T) {
	const kills, senders, perCall = 4, 4, 10
	bodies := story(t, 400, time.Now().Add(-time.Hour))
	problems := len(bodies) / 3 / 10
	want := told(t, bodies)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 3))
	pager, dir := newPager(t), t.TempDir()
	config := pager.configuration(t)

	calls := make([]string, 0, len(bodies)/perCall)
	for at := 0; at < len(bodies); at += perCall {
		calls = append(calls, "["+strings.Join(bodies[at:at+perCall], ",")+"]")
	}
	acknowledged := make([]bool, len(calls))
	share := len(calls) / (kills + 1)
	for k := range kills {
		p := serve(t, dir, "--config", config)
		// The kill comes when so many calls have been answered, while the other
		// senders wait for their answers.
		p.sendAndKill(t, calls[k*share:(k+1)*share], acknowledged[k*share:], senders, 1+rnd.IntN(share-senders))
	}
	has := stored(t, dir)
	answered := 0
	for call, ok := range acknowledged {
		if !ok {
			continue
		}
		answered++
		for _, body := range bodies[call*perCall : (call+1)*perCall] {
			if id := idOf(t, []byte(body)); has[id] != 1 {
				t.Errorf("TT_EVENTS holds %s, which was acknowledged, %d times", id, has[id])
			}
		}
	}
	t.Logf("%d of %d calls were answered", answered, len(calls))

	p := serve(t, dir, "--config", config)
	p.send(t, bodies, 300)
	p.settle(t, uint64(len(bodies))).same(t, "killed", want)
	paged := func(n int) (calls int) {
		t.Helper()
		eventually(t, "the pager has heard of every problem", func() (bool, error) {
			about, c := pager.sent()
			calls = c
			return len(about) >= n, fmt.Errorf("of %d, want %d", len(about), n)
		})
		return calls
	}
	paged(problems)
	p.stop(t)
	about, before := pager.sent()
	for alert, ids := range about {
		if ids != 1 {
			t.Errorf("%s was sent under %d ids", alert, ids)
		}
	}
	fired := firedAlerts(t, dir)
	for alert := range fired {
		if about[alert+" firing"] == 0 {
			t.Errorf("alert %s fired and nobody was told", alert)
		}
	}
	if len(fired) != problems || len(about) != problems {
		t.Errorf("%d alerts fired, the pager heard of %d; want %d", len(fired), len(about), problems)
	}

	// Alerts go out in order: with a new one, all that a clean restart might send
	// again has been sent.
	p = serve(t, dir, "--config", config)
	p.send(t, []string{word(t, "prod/eu-west-1/last/1", "failed", time.Now())}, 1)
	if after := paged(problems + 1); after != before+1 {
		t.Errorf("a clean restart and one problem make %d calls", after-before)
	}
	p.stop(t)
}

// sendAndKill posts calls with several senders at once and notes which were
// acknowledged. As soon as enough were, it kills the process under the others.
func (p *process) sendAndKill(t testing.TB, calls []string, acknowledged []bool, senders, enough int) {
	t.Helper()
	next := make(chan int, len(calls))
	for call := range calls {
		next <- call
	}
	close(next)
	reached := make(chan struct{})
	var mu sync.Mutex // guards acknowledged and count
	count := 0
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for call := range next {
				resp, text, err := p.post(typeBatch, calls[call])
				if err != nil {
					return // killed
				}
				if resp.StatusCode != http.StatusAccepted {
					t.Errorf("the door answers %s %s", resp.Status, text)
					continue
				}
				mu.Lock()
				acknowledged[call] = true
				if count++; count == enough {
					close(reached)
				}
				mu.Unlock()
			}
		})
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		all.Wait()
	}()
	select {
	case <-reached:
	case <-over:
		t.Error("the senders ended before the kill")
	}
	p.kill(t)
	<-over
}

// firedAlerts returns the alerts that a data directory says have fired.
func firedAlerts(t testing.TB, dataDir string) map[string]bool {
	t.Helper()
	s, err := natsd.Start(t.Context(), natsd.Config{StoreDir: filepath.Join(dataDir, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	fired := map[string]bool{}
	read(t, s, events.StreamAlerts, func(m stream.Msg) {
		var e struct{ Type, Subject string }
		if err := json.Unmarshal(m.Data, &e); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(e.Type, "dev.telltale.alert.fired.") {
			fired[e.Subject] = true
		}
	})
	return fired
}
