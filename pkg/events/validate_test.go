package events_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// sample is a valid event to break.
func sample() events.Event {
	return events.Event{
		ID: "1", Source: "/ci/job", Type: events.TypeReported, Subject: "prod/eu-west-1/checkout/2.14.0",
		Data: []byte(`{"status":"failed"}`),
	}
}

func TestValidateAttributes(t *testing.T) {
	long := func(n int) string { return strings.Repeat("a", n) }
	extensions := func(n int) map[string]string {
		m := make(map[string]string, n)
		for i := range n {
			m["x"+string(rune('a'+i/26))+string(rune('a'+i%26))] = "1"
		}
		return m
	}
	for name, tc := range map[string]struct {
		change func(e *events.Event)
		want   events.Code
	}{
		"as it is":                     {func(*events.Event) {}, ""},
		"no id":                        {func(e *events.Event) { e.ID = "" }, events.CodeBadID},
		"id of 256 bytes":              {func(e *events.Event) { e.ID = long(256) }, ""},
		"id of 257 bytes":              {func(e *events.Event) { e.ID = long(257) }, events.CodeBadID},
		"id of 129 two-byte letters":   {func(e *events.Event) { e.ID = strings.Repeat("é", 129) }, events.CodeBadID},
		"id with a line break":         {func(e *events.Event) { e.ID = "a\nb" }, events.CodeBadID},
		"id with NUL":                  {func(e *events.Event) { e.ID = "a\x00" }, events.CodeBadID},
		"id with a C1 control":         {func(e *events.Event) { e.ID = "a\u0085" }, events.CodeBadID},
		"id with invalid UTF-8":        {func(e *events.Event) { e.ID = "a\xff" }, events.CodeBadID},
		"id with a space":              {func(e *events.Event) { e.ID = "run 1" }, ""},
		"no source":                    {func(e *events.Event) { e.Source = "" }, events.CodeSchema},
		"source of 513 bytes":          {func(e *events.Event) { e.Source = "/" + long(512) }, events.CodeSchema},
		"source a URN":                 {func(e *events.Event) { e.Source = "urn:uuid:6e8bc430" }, ""},
		"source not a URI":             {func(e *events.Event) { e.Source = "http://[::1" }, events.CodeSchema},
		"source with a bad escape":     {func(e *events.Event) { e.Source = "/a%zz" }, events.CodeSchema},
		"source with a tab":            {func(e *events.Event) { e.Source = "/a\tb" }, events.CodeSchema},
		"no type":                      {func(e *events.Event) { e.Type = "" }, events.CodeSchema},
		"type of 257 bytes":            {func(e *events.Event) { e.Type = long(257) }, events.CodeSchema},
		"type not registered":          {func(e *events.Event) { e.Type = "com.example.x" }, events.CodeType},
		"type of a later version":      {func(e *events.Event) { e.Type = "dev.telltale.deployment.reported.v2" }, events.CodeType},
		"type that only we say":        {func(e *events.Event) { e.Type = events.TypeDeploymentChanged }, events.CodeType},
		"alert that only we fire":      {func(e *events.Event) { e.Type = events.TypeAlertFired }, events.CodeType},
		"no subject":                   {func(e *events.Event) { e.Subject = "" }, events.CodeBadID},
		"sequence that is no decimal":  {func(e *events.Event) { e.Sequence = "7a" }, ""},
		"sequence of 64 bytes":         {func(e *events.Event) { e.Sequence = strings.Repeat("9", 64) }, ""},
		"sequence of 65 bytes":         {func(e *events.Event) { e.Sequence = strings.Repeat("9", 65) }, events.CodeSchema},
		"traceparent of 513 bytes":     {func(e *events.Event) { e.TraceParent = long(513) }, events.CodeSchema},
		"recorder of 64 bytes":         {func(e *events.Event) { e.Recorder = long(64) }, events.CodeSchema},
		"32 extensions":                {func(e *events.Event) { e.Extensions = extensions(32) }, ""},
		"33 extensions":                {func(e *events.Event) { e.Extensions = extensions(33) }, events.CodeSchema},
		"extension of 1,025 bytes":     {func(e *events.Event) { e.Extensions = map[string]string{"a": long(1025)} }, events.CodeSchema},
		"extension that hides an id":   {func(e *events.Event) { e.Extensions = map[string]string{"id": "2"} }, events.CodeSchema},
		"extension that hides data":    {func(e *events.Event) { e.Extensions = map[string]string{"data": "{}"} }, events.CodeSchema},
		"extension with a bad name":    {func(e *events.Event) { e.Extensions = map[string]string{`a":1,"b`: "x"} }, events.CodeSchema},
		"content type with +json":      {func(e *events.Event) { e.DataContentType = "application/vnd.x+json; charset=utf-8" }, ""},
		"content type that is no JSON": {func(e *events.Event) { e.DataContentType = "text/plain" }, events.CodeSchema},
		"content type that is none":    {func(e *events.Event) { e.DataContentType = "a b/c;" }, events.CodeSchema},
		"data twice":                   {func(e *events.Event) { e.DataBase64 = "e30=" }, events.CodeSchema},
		"data in base64 only":          {func(e *events.Event) { e.Data, e.DataBase64 = nil, "e30=" }, events.CodeSchema},
		"data_base64 that is none":     {func(e *events.Event) { e.Data, e.DataBase64 = nil, "e3" }, events.CodeSchema},
		"no data":                      {func(e *events.Event) { e.Data = nil }, events.CodeSchema},
		"data null":                    {func(e *events.Event) { e.Data = []byte(`null`) }, events.CodeSchema},
		"data not JSON":                {func(e *events.Event) { e.Data = []byte(`{"status":"failed"`) }, events.CodeMalformed},
		"data followed by data":        {func(e *events.Event) { e.Data = []byte(`{"status":"failed"}{}`) }, events.CodeMalformed},
		"data broken in a member":      {func(e *events.Event) { e.Data = []byte(`{"status":"failed","message":"` + "\xff" + `"}`) }, events.CodeMalformed},
		"progress that says nothing":   {func(e *events.Event) { e.Type, e.Data = events.TypeProgressed, []byte(`{}`) }, ""},
		"progress that is null":        {func(e *events.Event) { e.Type, e.Data = events.TypeProgressed, []byte(`null`) }, events.CodeSchema},
	} {
		t.Run(name, func(t *testing.T) {
			e := sample()
			tc.change(&e)
			if err := e.Validate(); events.CodeOf(err) != tc.want || (err == nil) != (tc.want == "") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestValidateNamesTheMember shows what a person reads.
func TestValidateNamesTheMember(t *testing.T) {
	for data, want := range map[string]string{
		`{}`:                                   "data.status is missing",
		`[]`:                                   "data is not an object",
		`{"status":"In Hand"}`:                 "data.status is not [a-z][a-z0-9_]{0,62}",
		`{"status":"x","refs":7}`:              "data.refs is not an array",
		`{"status":"x","artifact":{"name":7}}`: "data.artifact.name is not a string",
		`{"status":"x","refs":[""]}`:           "data.refs.element is not 1 to 256 bytes without control characters",
		`{"status":"x","actor":"a@b"}`:         "data.actor is not an opaque id: 1 to 256 printable ASCII characters without '@'",
	} {
		e := sample()
		e.Data = []byte(data)
		if err := e.Validate(); err == nil || err.Error() != "E_SCHEMA: "+want {
			t.Errorf("%s: got %v, want %s", data, err, want)
		}
	}
}

func TestValidateAcrossMembers(t *testing.T) {
	const digest = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" // of "foo"
	definition := func(digest string) string {
		return `{"kind":"Source","name":"ci","version":"1","actor":"user:1","document":"foo","digest":"` + digest + `"}`
	}
	freeze := func(from, to string) string { return `{"name":"f","from":"` + from + `","to":"` + to + `"}` }
	for name, tc := range map[string]struct {
		typ, subject, data string
		want               events.Code
	}{
		"plan": {events.TypeReleaseDeclared, "prod/r1", `{"members":[{"region":"a","component":"x"},
			{"region":"a","component":"y","depends_on":["x"]},{"region":"b","component":"y","depends_on":["x"]},
			{"region":"a","component":"z","depends_on":["x","y"]}]}`, ""},
		"plan that waits for itself": {
			events.TypeReleaseDeclared, "prod/r1",
			`{"members":[{"region":"a","component":"x","depends_on":["x"]}]}`, events.CodeSchema,
		},
		"plan with a cycle of three": {events.TypeReleaseDeclared, "prod/r1", `{"members":[{"region":"a","component":"x","depends_on":["y"]},
			{"region":"a","component":"y","depends_on":["z"]},{"region":"a","component":"z","depends_on":["x"]},
			{"region":"a","component":"free"}]}`, events.CodeSchema},
		"plan with a cycle over regions": {events.TypeReleaseDeclared, "prod/r1", `{"members":[{"region":"a","component":"x","depends_on":["y"]},
			{"region":"b","component":"y","depends_on":["x"]}]}`, events.CodeSchema},
		"plan that names one twice": {events.TypeReleaseDeclared, "prod/r1", `{"members":[{"region":"a","component":"x","depends_on":["y","y"]},
			{"region":"a","component":"y"}]}`, ""},
		"plan that needs a stranger": {
			events.TypeReleaseDeclared, "prod/r1",
			`{"members":[{"region":"a","component":"x","depends_on":["y"]}]}`, events.CodeSchema,
		},
		"digest":                   {events.TypeDefinitionActivated, "ci", definition(digest), ""},
		"digest of something else": {events.TypeDefinitionActivated, "ci", definition(strings.Replace(digest, "2c", "2d", 1)), events.CodeSchema},
		"definition, other name":   {events.TypeDefinitionActivated, "cd", definition(digest), events.CodeBadID},
		"alert":                    {events.TypeAlertAcknowledged, "al_1", `{"alert":"al_1","actor":"user:1"}`, ""},
		"alert, other name":        {events.TypeAlertAcknowledged, "al_2", `{"alert":"al_1","actor":"user:1"}`, events.CodeBadID},
		"silence, other name":      {events.TypeSilenceExpired, "s2", `{"silence":"s1","actor":"user:1"}`, events.CodeBadID},
		"freeze":                   {events.TypeFreezeDeclared, "prod", freeze("2026-11-27T00:00:00Z", "2026-11-27T01:00:00+00:59"), ""},
		"freeze that ends first":   {events.TypeFreezeLifted, "prod", freeze("2026-11-27T00:00:00Z", "2026-11-27T01:00:00+01:01"), events.CodeSchema},
		"freeze without length":    {events.TypeFreezeDeclared, "prod", freeze("2026-11-27T00:00:00Z", "2026-11-27T00:00:00Z"), events.CodeSchema},
	} {
		t.Run(name, func(t *testing.T) {
			e := sample()
			e.Type, e.Subject, e.Data = tc.typ, tc.subject, []byte(tc.data)
			if err := e.Validate(); events.CodeOf(err) != tc.want || (err == nil) != (tc.want == "") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestCheckTime(t *testing.T) {
	now := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		at   time.Time
		want events.Code
	}{
		"none":                 {time.Time{}, ""},
		"now":                  {now, ""},
		"2000":                 {time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), ""},
		"before 2000":          {time.Date(1999, 12, 31, 23, 59, 59, 999999999, time.UTC), events.CodeClock},
		"1969":                 {time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC), events.CodeClock},
		"a day ahead":          {now.Add(24 * time.Hour), ""},
		"more than that":       {now.Add(24*time.Hour + 1), events.CodeClock},
		"9999":                 {time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), events.CodeClock},
		"a day ahead, +14:00":  {now.Add(24 * time.Hour).In(time.FixedZone("", 14*3600)), ""},
		"the end of all times": {time.Unix(math.MaxInt64/2, 0), events.CodeClock},
	} {
		t.Run(name, func(t *testing.T) {
			if err := events.CheckTime(tc.at, now); events.CodeOf(err) != tc.want || (err == nil) != (tc.want == "") {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
