package adapter

import (
	"encoding/base64"
	"mime"
	"net/url"
	"slices"
	"strings"

	"github.com/telltale-dev/telltale/internal/expr"
	"github.com/telltale-dev/telltale/internal/glob"
	"github.com/telltale-dev/telltale/pkg/events"
)

// Hook is what the configuration says of the address that a request came to. The
// zero value of a field says nothing.
type Hook struct {
	Name      string
	Tool      string
	Env       string
	Regions   []string // one event for each
	Component string
	Follow    bool     // its words follow what is under way, whatever they call it
	Deploys   []string // globs: the jobs, workflows or pipelines that deploy
	Patterns  []string // how names are made, such as {env}-{region}

	// Query has what else the tool's mapping asks of the URL, where the URL does not
	// say it.
	Query map[string][]string
}

// Request is a webhook as it came. Map changes nothing of it.
type Request struct {
	Header map[string][]string // under the names that Go writes: Content-Type, X-Github-Event
	Query  map[string][]string
	Body   []byte
	Hook   Hook
}

func (r *Request) header(name string) string { return firstOf(r.Header[name]) }

// query returns a parameter of the URL. Where the URL does not say it, the hook's
// configuration may.
func (r *Request) query(name string) string {
	if s := firstOf(r.Query[name]); s != "" {
		return s
	}
	if s := firstOf(r.Hook.Query[name]); s != "" {
		return s
	}
	switch name {
	case "env":
		return r.Hook.Env
	case "region":
		return strings.Join(r.Hook.Regions, ",")
	case "component":
		return r.Hook.Component
	}
	return ""
}

func firstOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// list is a query parameter that may be given several times, and with commas;
// what the hook says when it is not given at all.
func (r *Request) list(name string, hook []string) []string {
	given, ok := r.Query[name]
	if !ok {
		return hook
	}
	var all []string
	for _, v := range given {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" && !slices.Contains(all, part) {
				all = append(all, part)
			}
		}
	}
	return all
}

// deploys reports whether a job was declared to deploy, by the query or by the
// hook's configuration.
func (r *Request) deploys(job string) bool {
	if job == "" {
		return false
	}
	return slices.ContainsFunc(r.list("deploys", r.Hook.Deploys), func(pattern string) bool { return glob.Match(pattern, job) })
}

// follow reports whether deployment events do not name what they speak of.
func (r *Request) follow() bool {
	switch r.query("names") {
	case "follow":
		return true
	case "lead":
		return false
	}
	return r.Hook.Follow
}

// payload is what expressions see of a request.
type payload struct {
	body, ce expr.Value
	read     []*expr.Payload // of which they are
}

// scan reads one JSON text.
func (p *payload) scan(text string) (expr.Value, error) {
	read, err := expr.ReadPayload(text)
	if err != nil {
		return expr.Value{}, err
	}
	p.read = append(p.read, read)
	return read.Root(), nil
}

// release ends the use of all values of the payload but texts.
func (p *payload) release() {
	for _, read := range p.read {
		read.Release()
	}
}

// read scans the body of a request. What is no JSON is refused with an
// [*events.Error].
func (m *Mapping) read(r *Request) (p payload, err error) {
	contentType := r.header("Content-Type")
	if contentType != "application/json" {
		if media, _, err := mime.ParseMediaType(contentType); err == nil {
			contentType = media
		}
	}
	text := string(r.Body)
	switch {
	case contentType == "application/x-www-form-urlencoded":
		if !slices.Contains(m.Accept, AcceptForm) {
			return p, events.Errorf(events.CodeMalformed, "the payload is a form").
				WithHint("have the tool send application/json")
		}
		form, err := url.ParseQuery(text)
		if err != nil || !form.Has("payload") {
			return p, events.Errorf(events.CodeMalformed, "the payload is no form with a field payload")
		}
		text = form.Get("payload")
	case contentType == "application/cloudevents+json":
		return structured(text)
	case r.header("Ce-Id") != "" || r.header("Ce-Type") != "":
		if p.ce, err = binaryAttributes(r); err != nil || text == "" {
			return p, err
		}
	}
	p.body, err = p.scan(text)
	return p, err
}

// structured reads a CloudEvent whose attributes stand beside its data.
func structured(text string) (p payload, err error) {
	if p.ce, err = p.scan(text); err != nil {
		return p, err
	}
	p.body = p.ce.Member("data")
	if encoded := p.ce.Member("data_base64").Text(); encoded != "" && !p.body.Present() {
		data, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return p, events.Errorf(events.CodeMalformed, "data_base64 is not base64")
		}
		p.body, err = p.scan(string(data))
		return p, err
	}
	return p, nil
}

// binaryAttributes returns the attributes that a CloudEvent has in its headers.
func binaryAttributes(r *Request) (expr.Value, error) {
	var pairs []expr.Pair
	for name, values := range r.Header {
		if attribute, ok := strings.CutPrefix(name, "Ce-"); ok {
			value, err := url.PathUnescape(firstOf(values))
			if err != nil {
				value = firstOf(values)
			}
			pairs = append(pairs, expr.Pair{Key: strings.ToLower(attribute), Value: value})
		}
	}
	slices.SortFunc(pairs, func(a, b expr.Pair) int { return strings.Compare(a.Key, b.Key) })
	object, err := expr.Object(pairs...)
	if err != nil {
		return expr.Value{}, err
	}
	return object.Root(), nil
}
