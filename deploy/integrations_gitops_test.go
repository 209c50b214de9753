package deploy

import (
	"maps"
	"net/url"
	"strings"
	"testing"
	"text/template"

	"github.com/go-json-experiment/json"
	"github.com/goccy/go-yaml"
)

// object is a Kubernetes object of one of the GitOps integrations.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name, Namespace string }
	Data       map[string]string
	StringData map[string]string `yaml:"stringData"`
	Spec       struct {
		Type, Address string
		SecretRef     struct{ Name string }         `yaml:"secretRef"`
		ProviderRef   struct{ Name string }         `yaml:"providerRef"`
		EventSources  []struct{ Kind, Name string } `yaml:"eventSources"`
		EventMetadata map[string]string             `yaml:"eventMetadata"`
		EventSeverity string                        `yaml:"eventSeverity"`
	}
}

// hookTool returns the tool that an address is the hook of.
func hookTool(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		t.Fatalf("%q is no address: %v", address, err)
	}
	tool, ok := strings.CutPrefix(u.Path, "/v1/hooks/")
	if !ok {
		t.Fatalf("%q is no hook", address)
	}
	tool, _, _ = strings.Cut(tool, "/")
	return tool
}

// notifications is a ConfigMap of the notifications engine, which Argo CD and
// Argo Rollouts share.
type notifications struct {
	tool string // of the hook
	body *template.Template
}

// readNotifications holds a ConfigMap together: each trigger sends a template
// that there is, by a service that there is, with a secret that there is.
func readNotifications(t *testing.T, name string) notifications {
	t.Helper()
	found := documents[object](t, name)
	if len(found) != 2 || found[0].Kind != "ConfigMap" || found[1].Kind != "Secret" {
		t.Fatalf("a ConfigMap and a Secret are expected: %+v", found)
	}
	if found[0].Metadata.Namespace != found[1].Metadata.Namespace {
		t.Error("the Secret is in another namespace")
	}
	var service struct {
		URL     string
		Headers []struct{ Name, Value string }
	}
	part(t, found[0].Data["service.webhook.telltale"], &service)
	for _, h := range service.Headers {
		if _, secret, ok := strings.Cut(h.Value, "$"); ok && found[1].StringData[secret] == "" {
			t.Errorf("the Secret does not hold %s", secret)
		}
	}
	var conditions []struct {
		When    string
		OncePer string `yaml:"oncePer"`
		Send    []string
	}
	part(t, found[0].Data["trigger.telltale"], &conditions)
	if len(conditions) == 0 {
		t.Error("the trigger has no condition")
	}
	for _, c := range conditions {
		if c.When == "" || len(c.Send) != 1 || found[0].Data["template."+c.Send[0]] == "" {
			t.Errorf("a condition is incomplete: %+v", c)
		}
	}
	var message struct {
		Webhook map[string]struct{ Method, Body string }
	}
	part(t, found[0].Data["template.telltale"], &message)
	if message.Webhook["telltale"].Method != "POST" {
		t.Errorf("the method is %q", message.Webhook["telltale"].Method)
	}
	body, err := template.New(name).Funcs(template.FuncMap{"toJson": toJSON}).Parse(message.Webhook["telltale"].Body)
	if err != nil {
		t.Fatal(err)
	}
	return notifications{tool: hookTool(t, service.URL), body: body}
}

// toJSON is the one function of sprig that the templates use.
func toJSON(v any) (string, error) {
	text, err := json.Marshal(v, json.Deterministic(true))
	return string(text), err
}

func part(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalWithOptions([]byte(text), into, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
}

// render is the request body that the notifications engine would send.
func (n notifications) render(t *testing.T, variable, objectJSON string) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(objectJSON), &v); err != nil {
		t.Fatal(err)
	}
	var body strings.Builder
	if err := n.body.Execute(&body, map[string]any{variable: v}); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(body.String()), &v); err != nil {
		t.Fatalf("the template makes no JSON: %v\n%s", err, body.String())
	}
	return []byte(body.String())
}

// TestFlux holds Provider, Alert and Secret together.
func TestFlux(t *testing.T) {
	found := documents[object](t, "integrations/flux/notifications.yaml")
	if len(found) != 3 || found[0].Kind != "Provider" || found[1].Kind != "Alert" || found[2].Kind != "Secret" {
		t.Fatalf("a Provider, an Alert and a Secret are expected: %+v", found)
	}
	provider, alert, secret := found[0], found[1], found[2]
	if hookTool(t, provider.Spec.Address) != "flux" || provider.Spec.Type != "generic" {
		t.Errorf("the Provider is %+v", provider.Spec)
	}
	if provider.Spec.SecretRef.Name != secret.Metadata.Name || alert.Spec.ProviderRef.Name != provider.Metadata.Name {
		t.Error("a reference names nothing")
	}
	var headers map[string]string
	part(t, secret.StringData["headers"], &headers)
	if !strings.HasPrefix(headers["Authorization"], "Bearer ") {
		t.Errorf("the headers are %q", headers)
	}
	if alert.Spec.EventSeverity != "info" {
		t.Error("without the events of severity info nothing ever lands")
	}
	metadata := map[string]string{"kustomize.toolkit.fluxcd.io/revision": "v2.14.0@sha256:" + strings.Repeat("0", 64)}
	maps.Copy(metadata, alert.Spec.EventMetadata)
	for _, source := range alert.Spec.EventSources {
		// A made-up event as the notification controller posts it.
		body, err := json.Marshal(map[string]any{
			"involvedObject": map[string]string{"kind": source.Kind, "namespace": "flux-system", "name": "checkout", "uid": "5f0a"},
			"severity":       "error", "timestamp": "2026-05-04T10:12:00Z", "message": "made up", "reason": "ArtifactFailed",
			"reportingController": "made-up-controller", "metadata": metadata,
		})
		if err != nil {
			t.Fatal(err)
		}
		got := mapped(t, "flux", body)
		if len(got) != 1 || !strings.HasPrefix(got[0], "prod/eu-west-1/checkout/") || !strings.HasSuffix(got[0], " failed") {
			t.Errorf("%s: %q", source.Kind, got)
		}
	}
}
