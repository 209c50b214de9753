package cli

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// filters are the flags that narrow a list.
type filters struct {
	env, region, component, release string
	statuses                        []string
	deployment                      string // no flag: of a key that somebody watches
	kind                            string // of documents
	all                             bool   // documents that are not in force too
}

// bind defines the flags of the named filters.
func (f *filters) bind(cmd *cobra.Command, names []string) {
	flags := cmd.Flags()
	for _, name := range names {
		switch name {
		case "env":
			flags.StringVar(&f.env, name, "", "only this environment")
		case "region":
			flags.StringVar(&f.region, name, "", "only this region")
		case "component":
			flags.StringVar(&f.component, name, "", "only this component")
		case "release":
			flags.StringVar(&f.release, name, "", "only this release")
		case "status":
			flags.StringArrayVar(&f.statuses, name, nil, "only this status; may be repeated")
		case "kind":
			flags.StringVar(&f.kind, name, "", "only this kind: Lifecycle, Mapping, Component or Source")
		case "all":
			flags.BoolVar(&f.all, name, false, "also what was in force before, or will be")
		}
	}
}

// query returns the filters as the API takes them.
func (f *filters) query() url.Values {
	q := make(url.Values)
	for _, p := range []struct{ name, value string }{
		{"env", f.env}, {"region", f.region}, {"component", f.component}, {"release", f.release}, {"kind", f.kind},
	} {
		if p.value != "" {
			q.Set(p.name, p.value)
		}
	}
	for _, s := range f.statuses {
		q.Add("status", s)
	}
	if f.all {
		q.Set("all", "true")
	}
	return q
}

// slot reports whether a slot passes the filters.
func (f *filters) slot(s events.Slot) bool {
	return (f.env == "" || f.env == s.Env) && (f.region == "" || f.region == s.Region) &&
		(f.component == "" || f.component == s.Component)
}

// keep returns those items of a page that the API has no filter for.
func (f *filters) keep(items []jsontext.Value) ([]jsontext.Value, error) {
	if f.deployment == "" {
		return items, nil
	}
	var kept []jsontext.Value
	for _, raw := range items {
		var d view.DeploymentBody
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("read a deployment: %w", err)
		}
		if d.Deployment == f.deployment {
			kept = append(kept, raw)
		}
	}
	return kept, nil
}

// parts splits a key that has n parts.
func parts(key string, n int, wanted string) ([]string, error) {
	p := strings.Split(key, "/")
	if len(p) != n {
		return nil, usagef("%s is no key of the form %s", escape(key), wanted)
	}
	return p, nil
}
