package receiver_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
	"github.com/telltale-dev/telltale/internal/delivery/receiver/receivertest"
	"github.com/telltale-dev/telltale/internal/schema/schematest"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	oldSecret = receiver.Secret("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("old-", 8))))
	newSecret = receiver.Secret("whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("new-", 8))))
)

func newWebhook(t *testing.T, cfg receiver.WebhookConfig) *receiver.Webhook {
	t.Helper()
	if cfg.Secrets == nil {
		cfg.Secrets = []receiver.Secret{newSecret}
	}
	w, err := receiver.NewWebhook(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestWebhookConformance(t *testing.T) {
	receivertest.Run(t, receivertest.Setup{
		New: func(t *testing.T, url string, timeout time.Duration) receiver.Receiver {
			return newWebhook(t, receiver.WebhookConfig{URL: receiver.Secret(url), Timeout: timeout, AllowPrivate: true})
		},
		Secrets: []string{string(newSecret), strings.Repeat("new-", 8)},
	})
}

// The specification's own library has to accept what we send, with either
// secret while they change, and the body has to be a CloudEvent of that id.
func TestWebhookIsSignedAndACloudEvent(t *testing.T) {
	var header http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	w := newWebhook(t, receiver.WebhookConfig{
		URL: receiver.Secret(server.URL), AllowPrivate: true, Secrets: []receiver.Secret{newSecret, oldSecret},
	})

	for status, typ := range map[receiver.Status]string{
		receiver.StatusFiring:   events.TypeAlertFired,
		receiver.StatusResolved: events.TypeAlertResolved,
	} {
		sent := receivertest.Message()
		sent.Status = status
		if got := w.Send(t.Context(), receiver.Call{ID: "nt_42", Message: sent}); got.Class != receiver.Delivered {
			t.Fatalf("%+v", got)
		}
		for _, secret := range []receiver.Secret{oldSecret, newSecret} {
			oracle, err := standardwebhooks.NewWebhook(string(secret))
			if err != nil {
				t.Fatal(err)
			}
			if err := oracle.Verify(body, header); err != nil {
				t.Error(err)
			}
			if err := oracle.Verify(append(body, ' '), header); err == nil {
				t.Error("a changed body passes")
			}
		}
		if got := header.Get("webhook-id"); got != "nt_42" {
			t.Errorf("webhook-id is %q", got)
		}
		e, err := events.Decode(body, events.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		schematest.Event(t, body)
		if e.ID != "nt_42" || e.Type != typ || e.Subject != sent.Alert {
			t.Errorf("the event is %s %s about %s", e.ID, e.Type, e.Subject)
		}
		var read receiver.Message
		if err := json.Unmarshal(e.Data, &read); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(read) != fmt.Sprint(sent) {
			t.Errorf("read %+v, sent %+v", read, sent)
		}
	}
}

func TestWebhookRefusesAddressesInside(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the endpoint was reached")
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	// localhost is a name: it is the resolved address that counts.
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		w := newWebhook(t, receiver.WebhookConfig{URL: receiver.Secret("https://" + host + ":" + u.Port())})
		got := w.Send(t.Context(), receivertest.Call())
		if got.Class != receiver.Environment || !strings.Contains(got.Detail, "not public") {
			t.Errorf("%s: %+v", host, got)
		}
	}
}

func TestNewWebhookReportsEveryFaultAndNoSecret(t *testing.T) {
	good := []receiver.Secret{newSecret}
	cases := []struct {
		name string
		cfg  receiver.WebhookConfig
		want []string
	}{
		{"nothing", receiver.WebhookConfig{}, []string{"absolute URL", "signing secret is needed"}},
		{"plain http", receiver.WebhookConfig{URL: "http://example.test/hush", Secrets: good}, []string{"not https"}},
		{"file", receiver.WebhookConfig{URL: "file://host/hush", Secrets: good, AllowPrivate: true}, []string{"not https"}},
		{"user", receiver.WebhookConfig{URL: "https://u:hush@example.test/", Secrets: good}, []string{"user or a password"}},
		{"short secret", receiver.WebhookConfig{URL: "https://example.test/", Secrets: []receiver.Secret{"whsec_aHVzaA=="}}, []string{"24 to 64"}},
		{"no prefix", receiver.WebhookConfig{URL: "https://example.test/", Secrets: []receiver.Secret{"hush"}}, []string{"whsec_"}},
		{"no base64", receiver.WebhookConfig{URL: "https://example.test/", Secrets: []receiver.Secret{"whsec_hush!"}}, []string{"base64"}},
		{"three secrets", receiver.WebhookConfig{URL: "https://example.test/", Secrets: []receiver.Secret{newSecret, oldSecret, newSecret}}, []string{"only while they change"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := receiver.NewWebhook(c.cfg)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("%q quotes a secret", err)
			}
		})
	}
}

func TestConfigHidesItsSecrets(t *testing.T) {
	cfg := receiver.WebhookConfig{URL: "https://example.test/hush", Secrets: []receiver.Secret{"whsec_hush"}}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "webhook", cfg, "url", cfg.URL)
	encoded, err := json.Marshal(struct{ URL receiver.Secret }{cfg.URL})
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%v %+v %#v %q %s %s", cfg, cfg, cfg, cfg.URL, encoded, log.String())
	if strings.Contains(shown, "hush") {
		t.Error(shown)
	}
}

func TestAllDescribesEveryKind(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range receiver.All() {
		if k.Name == "" || k.Summary == "" || k.Repeats == "" || seen[k.Name] {
			t.Errorf("%+v is incomplete or there twice", k)
		}
		seen[k.Name] = true
	}
}
