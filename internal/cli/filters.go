package cli

import (
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/telltale-dev/telltale/pkg/events"
)

// filters are the flags that narrow a list.
type filters struct {
	env, region, component, release string
	statuses                        []string
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
		}
	}
}

// query returns the filters as the API takes them.
func (f *filters) query() url.Values {
	q := make(url.Values)
	for _, p := range []struct{ name, value string }{
		{"env", f.env}, {"region", f.region}, {"component", f.component}, {"release", f.release},
	} {
		if p.value != "" {
			q.Set(p.name, p.value)
		}
	}
	for _, s := range f.statuses {
		q.Add("status", s)
	}
	return q
}

// slot reports whether a slot passes the filters.
func (f *filters) slot(s events.Slot) bool {
	return (f.env == "" || f.env == s.Env) && (f.region == "" || f.region == s.Region) &&
		(f.component == "" || f.component == s.Component)
}

// parts splits a key that has n parts.
func parts(key string, n int, wanted string) ([]string, error) {
	p := strings.Split(key, "/")
	if len(p) != n {
		return nil, usagef("%s is no key of the form %s", escape(key), wanted)
	}
	return p, nil
}
