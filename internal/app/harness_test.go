package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/telltale-dev/telltale/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests: far more than is ever needed, so
// that only what never comes runs into it.
const patience = 60 * time.Second

// instance is a process of this package that runs inside a test.
type instance struct {
	t      *testing.T
	at     Endpoints
	client *http.Client
	token  string // sent with every request unless empty
	cancel context.CancelFunc
	ended  chan error
}

// start runs a process and waits until it is ready. How it is asked can be
// changed with transports.
func start(t *testing.T, run func(context.Context, *config.Config, Options) error, cfg *config.Config, transports ...func(*http.Transport)) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	transport := &http.Transport{DisableKeepAlives: true}
	for _, change := range transports {
		change(transport)
	}
	i := &instance{
		t: t, cancel: cancel, ended: make(chan error, 1),
		client: &http.Client{Timeout: patience, Transport: transport},
	}
	started := make(chan Endpoints, 1)
	go func() {
		i.ended <- run(ctx, cfg, Options{Version: "test", Started: func(e Endpoints) { started <- e }})
	}()
	select {
	case i.at = <-started:
	case err := <-i.ended:
		t.Fatalf("it did not start: %v", err)
	}
	i.await("/readyz", "ready\n")
	return i
}

// stop ends the process in order.
func (i *instance) stop() {
	i.t.Helper()
	i.cancel()
	if err := <-i.ended; err != nil {
		i.t.Errorf("an orderly end returns %v", err)
	}
}

// do sends a request and returns status and body of the answer.
func (i *instance) do(method, path, contentType, body string) (int, string) {
	i.t.Helper()
	req, err := http.NewRequest(method, i.at.HTTP+path, strings.NewReader(body))
	if err != nil {
		i.t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if i.token != "" {
		req.Header.Set("Authorization", "Bearer "+i.token)
	}
	resp, err := i.client.Do(req)
	if err != nil {
		i.t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		i.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// await asks for path until the answer is 200 and has what is wanted.
func (i *instance) await(path, want string) string {
	i.t.Helper()
	end := time.After(patience)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		status, body := i.do(http.MethodGet, path, "", "")
		if status == http.StatusOK && strings.Contains(body, want) {
			return body
		}
		select {
		case err := <-i.ended:
			i.t.Fatalf("it ended: %v", err)
		case <-end:
			i.t.Fatalf("%s answers %d %s, and never what has %q", path, status, body, want)
		case <-poll.C:
		}
	}
}

// report sends one status of a deployment through the door.
func (i *instance) report(key, status string, minute int) {
	i.t.Helper()
	event := map[string]any{
		"specversion": "1.0", "type": "dev.telltale.deployment.reported.v1", "source": "/test",
		"id": key + "-" + status, "subject": key, "time": fmt.Sprintf("2026-01-01T10:%02d:00Z", minute),
		"data": map[string]any{"status": status, "version": "1.0.0"},
	}
	text, err := json.Marshal(event)
	if err != nil {
		i.t.Fatal(err)
	}
	if code, body := i.do(http.MethodPost, "/v1/events", "application/cloudevents+json", string(text)); code != http.StatusAccepted {
		i.t.Fatalf("%s of %s: %d %s", status, key, code, body)
	}
}

// digest returns what /v1/digest says of the deployments, whatever its position.
func (i *instance) digest() string {
	i.t.Helper()
	code, body := i.do(http.MethodGet, "/v1/digest", "", "")
	var answer struct {
		Deployments int
		Digest      string
	}
	if err := json.Unmarshal([]byte(body), &answer); code != http.StatusOK || err != nil {
		i.t.Fatalf("/v1/digest answers %d %s (%v)", code, body, err)
	}
	return fmt.Sprintf("%d deployments, %s", answer.Deployments, answer.Digest)
}
