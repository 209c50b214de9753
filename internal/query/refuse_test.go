package query_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/pkg/events"
)

func TestRefusals(t *testing.T) {
	f := newFixture(t, nil)
	f.release()
	slotCursor := f.list("/v1/slots?limit=1").Next
	const key = "/v1/deployments/prod/eu-west-1/checkout/2.14.0"
	for path, want := range map[string]struct {
		status int
		code   events.Code
	}{
		"/v1/deployments?colour=red":                            {400, events.CodeSchema},
		"/v1/deployments?env=prod&env=stage":                    {400, events.CodeSchema},
		"/v1/deployments?env=":                                  {400, events.CodeSchema},
		"/v1/deployments?env=Prod":                              {400, events.CodeBadID},
		"/v1/deployments?release=run.1":                         {400, events.CodeBadID},
		"/v1/deployments?release=a/b":                           {400, events.CodeBadID},
		"/v1/deployments?status=a%20b":                          {400, events.CodeBadID},
		"/v1/deployments?" + strings.Repeat("status=a&", 65):    {413, events.CodeTooLarge},
		"/v1/deployments?since=yesterday":                       {400, events.CodeSchema},
		"/v1/deployments?limit=0":                               {400, events.CodeSchema},
		"/v1/deployments?limit=1001":                            {400, events.CodeSchema},
		"/v1/deployments?limit=-1":                              {400, events.CodeSchema},
		"/v1/deployments?cursor=%00":                            {400, events.CodeMalformed},
		"/v1/deployments?cursor=AAAA":                           {400, events.CodeMalformed},
		"/v1/deployments?cursor=" + slotCursor:                  {400, events.CodeMalformed},
		"/v1/deployments?cursor=" + strings.Repeat("A", 2000):   {400, events.CodeMalformed},
		"/v1/deployments?env=%zz":                               {400, events.CodeMalformed},
		"/v1/deployments?env=prod;region=eu":                    {400, events.CodeMalformed},
		key + "?as_of=2026-03-01T09:59:00Z":                     {404, events.CodeNotFound},
		key + "?as_of=yesterday":                                {400, events.CodeSchema},
		"/v1/deployments?as_of=yesterday":                       {400, events.CodeSchema},
		"/v1/releases?colour=red":                               {400, events.CodeSchema},
		"/v1/releases?cursor=" + slotCursor:                     {400, events.CodeMalformed},
		"/v1/releases/prod/none":                                {404, events.CodeNotFound},
		"/v1/releases/PROD/r7":                                  {400, events.CodeBadID},
		"/v1/unplaced?cursor=" + slotCursor:                     {400, events.CodeMalformed},
		"/v1/freezes?env=Prod":                                  {400, events.CodeBadID},
		"/v1/definitions?all=yes":                               {400, events.CodeSchema},
		"/v1/sources?env=prod":                                  {400, events.CodeSchema},
		key + "/events?cursor=" + "aDo5OTk":                     {400, events.CodeMalformed}, // h:999
		"/v1/deployments/prod/eu-west-1/checkout/none":          {404, events.CodeNotFound},
		"/v1/deployments/prod/eu-west-1/checkout/none/events":   {404, events.CodeNotFound},
		"/v1/deployments/prod/eu-west-1/checkout/none/changes":  {404, events.CodeNotFound},
		"/v1/deployments/prod/eu-west-1/checkout/none/explain":  {404, events.CodeNotFound},
		"/v1/deployments/prod/eu-west-1/checkout/_":             {400, events.CodeBadID},
		"/v1/deployments/prod/eu-west-1/check%2Fout/1":          {400, events.CodeBadID},
		"/v1/deployments/PROD/eu-west-1/checkout/1":             {400, events.CodeBadID},
		"/v1/deployments/prod":                                  {404, events.CodeNotFound},
		"/v1/slots/prod/eu-west-1/none/history":                 {404, events.CodeNotFound},
		"/v1/slots/prod/eu-west-1/checkout/history?cursor=bDp4": {400, events.CodeMalformed}, // l:x
		"/v1/changes?after=-1":                                  {400, events.CodeSchema},
		"/v1/changes?cursor=x":                                  {400, events.CodeSchema},
		"/v1/quarantine/x":                                      {400, events.CodeBadID},
		"/v1/quarantine/7":                                      {404, events.CodeNotFound},
		"/v1/nothing":                                           {404, events.CodeNotFound},
	} {
		f.refused(http.MethodGet, path, want.status, want.code)
	}
	f.refused(http.MethodDelete, key, http.StatusNotFound, events.CodeNotFound)
}

// refused asks for what must be answered with a problem.
func (f *fixture) refused(method, path string, status int, code events.Code, header ...string) {
	f.t.Helper()
	a := f.do(method, path, header...)
	var p struct {
		Status int         `json:"status"`
		Code   events.Code `json:"code"`
		Detail string      `json:"detail"`
	}
	if err := json.Unmarshal(a.body, &p); err != nil || a.header.Get("Content-Type") != "application/problem+json" {
		f.t.Errorf("%s: no problem document: %s", path, a.body)
	}
	if a.status != status || p.Status != status || p.Code != code || p.Detail == "" {
		f.t.Errorf("%s: %d %s, want %d %s", path, a.status, a.body, status, code)
	}
}

// A caller sees what its patterns allow and cannot tell the rest from nothing.
func TestAccess(t *testing.T) {
	f := newFixture(t, tokens(t))
	f.release()
	stage := []string{"Authorization", "Bearer stage-token"}
	if got := f.list("/v1/deployments", stage...).keys(); got != "stage/eu-west-1/checkout/2.15.0" {
		t.Errorf("the list shows %s", got)
	}
	if got := f.list("/v1/slots", stage...); len(got.Items) != 1 {
		t.Errorf("%d slots, want one", len(got.Items))
	}
	hidden := f.do(http.MethodGet, "/v1/deployments/prod/eu-west-1/checkout/2.14.0", stage...)
	absent := f.do(http.MethodGet, "/v1/deployments/prod/eu-west-1/checkout/none", stage...)
	if hidden.status != http.StatusNotFound || string(hidden.body) != string(absent.body) {
		t.Errorf("a hidden deployment differs from an absent one: %s %s", hidden.body, absent.body)
	}
	f.refused(http.MethodGet, "/v1/slots/prod/eu-west-1/checkout/history", 404, events.CodeNotFound, stage...)
	f.refused(http.MethodGet, "/v1/digest", 403, events.CodeForbidden, stage...)
	f.refused(http.MethodGet, "/v1/quarantine", 403, events.CodeForbidden, stage...)
	f.refused(http.MethodGet, "/v1/deployments", 401, events.CodeAuth)
	f.refused(http.MethodGet, "/v1/deployments", 403, events.CodeForbidden, "Authorization", "Bearer emit-token")
	if body := f.get("/v1/status", stage...); strings.Contains(string(body), "counts") {
		t.Errorf("the status tells counts: %s", body)
	}
	f.publish(1, "prod", "prod/eu-west-1/checkout/2.14.0")
	f.publish(2, "stage", "stage/eu-west-1/checkout/2.15.0")
	if body := string(f.get("/v1/changes", stage...)); strings.Contains(body, "prod/") || !strings.Contains(body, `"next":2`) {
		t.Errorf("changes: %s", body)
	}
}

// tokens returns callers: stage-token may view stage, emit-token may not view.
func tokens(t *testing.T) *access.Auth {
	t.Helper()
	doc := "tokens:\n" +
		fmt.Sprintf("- {name: stage, sha256: %x, roles: [view, operate], envs: [stage]}\n", sha256.Sum256([]byte("stage-token"))) +
		fmt.Sprintf("- {name: ci, sha256: %x, roles: [emit]}\n", sha256.Sum256([]byte("emit-token")))
	file := filepath.Join(t.TempDir(), "tokens.yaml")
	if err := os.WriteFile(file, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	auth, err := access.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return auth
}
