package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/ingest/adapter"
	"github.com/telltale-dev/telltale/pkg/events"
)

// webhook is what one tool sends, with the places where a number makes one
// message differ from the next.
type webhook struct {
	tool, query, header, value string
	parts                      []string // of the body, with the number between them
}

// appendBody appends the body of message n.
func (w *webhook) appendBody(b []byte, n int) []byte {
	for i, part := range w.parts {
		if i > 0 {
			b = strconv.AppendInt(b, int64(n), 10)
		}
		b = append(b, part...)
	}
	return b
}

// number is where the number of a message goes in the bodies below, filler where
// what we never look at goes.
const (
	number = "#"
	filler = `"filler":0`
)

// webhooks returns made-up messages of six tools, each of about the size that the
// tool's own have, from 1 to 12 KB. Each is about one deployment.
func webhooks() []webhook {
	all := []struct {
		webhook
		size int
		body string
	}{
		{webhook{tool: "github", query: "region=eu-west-1", header: "X-GitHub-Event", value: "deployment_status"}, 10 << 10, `{"action":"created",
			"deployment_status":{"id":9#,"state":"success","created_at":"2026-01-02T03:04:05Z","environment":"prod","creator":{"id":4711},"description":"rolled out",
				"log_url":"https://ci.example.com/org/app-#/runs/#"},
			"deployment":{"id":8#,"sha":"0123456789abcdef0123456789abcdef01234567","ref":"v2.#.0","task":"deploy","environment":"prod","payload":{}},
			"repository":{"id":#,"name":"app-#","full_name":"org/app-#",` + filler + `},"sender":{"id":4711,"type":"User"}}`},
		{webhook{tool: "gitlab", query: "region=eu-west-1", header: "X-Gitlab-Event", value: "Deployment Hook"}, 2 << 10, `{"object_kind":"deployment","status":"success",
			"status_changed_at":"2026-01-02 03:04:05 UTC","deployment_id":#,"deployable_id":7#,"deployable_url":"https://git.example.com/org/app-#/-/jobs/7#",
			"environment":"prod","project":{"id":#,"path_with_namespace":"org/app-#","web_url":"https://git.example.com/org/app-#",` + filler + `},
			"short_sha":"01234567","user":{"id":4711,"username":"made-up"},"ref":"v2.#.0",
			"commit_url":"https://git.example.com/org/app-#/-/commit/0123456789abcdef0123456789abcdef01234567"}`},
		{webhook{tool: "kubernetes", query: "env=prod&region=eu-west-1"}, 6 << 10, `{"apiVersion":"apps/v1","kind":"Deployment",
			"metadata":{"name":"app-#","namespace":"shop","uid":"made-up-#","generation":3,"labels":{"app.kubernetes.io/version":"2.#.0"},"managedFields":[{` + filler + `}]},
			"spec":{"replicas":3,"template":{"spec":{"containers":[{"name":"app","image":"registry.example.com/app:2.#.0"}]}}},
			"status":{"observedGeneration":3,"replicas":3,"updatedReplicas":3,"readyReplicas":3,"availableReplicas":3,
				"conditions":[{"type":"Available","status":"True","lastTransitionTime":"2026-01-02T03:04:05Z"},
					{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable","lastUpdateTime":"2026-01-02T03:04:05Z","lastTransitionTime":"2026-01-02T03:04:05Z"}]}}`},
		{webhook{tool: "argocd", query: "env=prod&region=eu-west-1"}, 12 << 10, `{"kind":"Application","metadata":{"name":"app-#","namespace":"argocd","uid":"made-up-#",
				"labels":{"app.kubernetes.io/version":"2.#.0"},"managedFields":[{` + filler + `}]},
			"spec":{"source":{"repoURL":"https://git.example.com/org/deploy.git","path":"app-#","targetRevision":"HEAD"},"destination":{"namespace":"shop","name":"blue"}},
			"status":{"health":{"status":"Healthy","lastTransitionTime":"2026-01-02T03:05:05Z"},"sync":{"status":"Synced","revision":"0123456789abcdef0123456789abcdef01234567"},
				"operationState":{"phase":"Succeeded","startedAt":"2026-01-02T03:04:05Z","finishedAt":"2026-01-02T03:04:35Z",
					"syncResult":{"revision":"0123456789abcdef0123456789abcdef01234567","resources":[{"kind":"Deployment","name":"app-#","status":"Synced"}]}}}}`},
		{webhook{tool: "alertmanager"}, 2 << 10, `{"version":"4","status":"firing","receiver":"telltale","externalURL":"https://alerts.example.com","groupLabels":{` + filler + `},
			"alerts":[{"status":"firing","labels":{"alertname":"ErrorsHigh","env":"prod","region":"eu-west-1","app":"app-#","severity":"critical"},
				"annotations":{"summary":"made up"},"startsAt":"2026-01-02T03:04:05Z","endsAt":"0001-01-01T00:00:00Z","fingerprint":"f#"}]}`},
		{webhook{tool: "cdevents", query: "region=eu-west-1"}, 1 << 10, `{"context":{"specversion":"0.5.0","id":"made-up-#","source":"/made-up/pipelines","type":"dev.cdevents.service.deployed.0.3.0",
				"timestamp":"2026-01-02T03:04:05Z"},
			"subject":{"id":"app-#","source":"/made-up/pipelines","content":{"environment":{"id":"prod"},"artifactId":"pkg:oci/app@sha256%3A0123456789abcdef?tag=2.#.0"}},
			"customData":{` + filler + `}}`},
	}
	hooks := make([]webhook, len(all))
	for i, a := range all {
		hooks[i] = a.webhook
		body := strings.Join(strings.Fields(a.body), " ")
		body = strings.Replace(body, filler, members(a.size-len(body)), 1)
		hooks[i].parts = strings.Split(body, number)
	}
	return hooks
}

// members are members of a JSON object of about so many bytes: links and short
// texts, as most of what tools send is.
func members(size int) string {
	var b strings.Builder
	for i := 0; i == 0 || b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"made_up_%d_url":"https://api.example.com/repos/org/app/made-up{/number}","made_up_%d":{"id":%d,"name":"made up","open":true}`, i, i, i)
	}
	return b.String()
}

// hooks sends webhooks of all six tools in turn over 256 connections.
func (b *bencher) hooks(ctx context.Context) (float64, error) {
	return b.withRig(ctx, func(r *rig) (float64, error) {
		if err := r.startIngest(ctx); err != nil {
			return 0, err
		}
		kinds := webhooks()
		heads := make([]string, len(kinds))
		for i, k := range kinds {
			if heads[i] = "Content-Type: application/json\r\n"; k.header != "" {
				heads[i] += k.header + ": " + k.value + "\r\n"
			}
		}
		took, err := each(ctx, r.url, b.single, 256, func(c *door, i int) error {
			k := i % len(kinds)
			c.body = kinds[k].appendBody(c.body[:0], i)
			return c.send("/v1/hooks/"+kinds[k].tool+"?"+kinds[k].query, heads[k], c.body)
		})
		if err != nil {
			return 0, err
		}
		// Each is one event: what went to quarantine would be missing.
		return float64(b.single) / took.Seconds(), r.holds(ctx, events.StreamEvents, b.single)
	})
}

// mapWebhooks is what it takes to make events of the same webhooks, in
// microseconds for one.
func (b *bencher) mapWebhooks(context.Context) (float64, error) {
	set, err := adapter.Embedded()
	if err != nil {
		return 0, err
	}
	kinds := webhooks()
	requests := make([]adapter.Request, len(kinds))
	mappings := make([]*adapter.Mapping, len(kinds))
	for i, k := range kinds {
		query, err := url.ParseQuery(k.query)
		if err != nil {
			return 0, err
		}
		header := http.Header{"Content-Type": {"application/json"}}
		if k.header != "" {
			header.Set(k.header, k.value)
		}
		requests[i] = adapter.Request{Header: header, Query: query}
		mappings[i], _ = set.Tool(k.tool)
	}
	return timeBodies(b.single, kinds, func(k int, body []byte) error {
		requests[k].Body = body
		result, err := mappings[k].Map(&requests[k])
		if err == nil && len(result.Events) != 1 {
			err = fmt.Errorf("%s: %d events of one webhook", kinds[k].tool, len(result.Events))
		}
		return err
	})
}

// bareReadOfWebhooks is what it takes to read the same bodies into maps and
// lists, in microseconds for one.
func (b *bencher) bareReadOfWebhooks(context.Context) (float64, error) {
	return timeBodies(b.single, webhooks(), func(_ int, body []byte) error {
		var v any
		return json.Unmarshal(body, &v)
	})
}

// timeBodies calls fn with n bodies and returns how many microseconds one takes.
func timeBodies(n int, kinds []webhook, fn func(kind int, body []byte) error) (float64, error) {
	var body []byte
	start := time.Now()
	for i := range n {
		k := i % len(kinds)
		body = kinds[k].appendBody(body[:0], i)
		if err := fn(k, body); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(start).Nanoseconds()) / 1e3 / float64(n), nil
}
