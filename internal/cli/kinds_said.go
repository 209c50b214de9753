package cli

import (
	"context"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/view"
)

// saidKinds list what was declared, and what waits for a name.
func saidKinds() []*kind {
	return []*kind{
		{
			name: "unplaced", short: "List words that wait for a deployment with their name",
			path: "/v1/unplaced", paged: true,
			filters: []string{"env", "region", "component"},
			header:  []string{"SLOT", "SAID", "GOES BY", "SOURCE", "AGE"},
			wide:    []string{"TYPE", "ID", "POSITION"},
			status:  1, row: unplacedRow,
		},
		{
			name: "freezes", aliases: []string{"freeze"}, short: "List change freezes",
			key: "ENV/NAME", path: "/v1/freezes", filters: []string{"env"},
			header: []string{"FREEZE", "IN FORCE", "FROM", "TO", "WHERE", "REASON"},
			wide:   []string{"ACTOR", "SOURCE", "DECLARED", "LIFTED"},
			status: -1, row: freezeRow, one: ofList("/v1/freezes", "freeze", freezeRow),
		},
		{
			name: "definitions", aliases: []string{"definition"}, short: "List the documents in force",
			key: "KIND/NAME", path: "/v1/definitions", filters: []string{"kind", "all"},
			header: []string{"DEFINITION", "VERSION", "IN FORCE", "SINCE", "ENVS"},
			wide:   []string{"DIGEST", "SOURCE", "ACTIVATED"},
			status: -1, row: definitionRow, one: oneDefinition,
		},
		{
			name: "sources", aliases: []string{"source"}, short: "List sources that are to speak in time or number without gaps",
			key: "SOURCE", path: "/v1/sources",
			header: []string{"SOURCE", "LAST", "EVERY", "OFFLINE", "INCOMPLETE"},
			wide:   []string{"OWNER", "OFFLINE-SINCE", "MISSING"},
			status: -1, row: sourceRow, one: ofList("/v1/sources", "source", sourceRow),
		},
	}
}

// ofList finds one thing by the name of its row in a list that the API has no
// single resource for.
func ofList(path, what string, rowOf func(jsontext.Value, time.Time) (row, error)) func(context.Context, *Client, string) (jsontext.Value, error) {
	return func(ctx context.Context, c *Client, key string) (jsontext.Value, error) {
		raw, err := c.Get(ctx, path, nil)
		if err != nil {
			return nil, err
		}
		is := func(item jsontext.Value) bool {
			r, err := rowOf(item, time.Time{})
			return err == nil && r.name == key
		}
		return first(raw, is, what+" "+key)
	}
}

func unplacedRow(raw jsontext.Value, now time.Time) (row, error) {
	var u struct {
		Env       string `json:"env"`
		Region    string `json:"region"`
		Component string `json:"component"`
		view.Unplaced
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		return row{}, err
	}
	slot := u.Env + "/" + u.Region + "/" + u.Component
	said := u.Said
	if said == "" {
		said = kindOfEvent(u.Type)
	}
	names := u.Refs
	if u.Version != "" {
		names = append(names, u.Version)
	}
	position := strconv.FormatUint(u.Position, 10)
	return row{slot + "#" + position, []string{
		slot, said, strings.Join(names, ","), u.Source, age(u.At, now), u.Type, u.ID, position,
	}}, nil
}

func freezeRow(raw jsontext.Value, _ time.Time) (row, error) {
	var f view.FreezeBody
	if err := json.Unmarshal(raw, &f); err != nil {
		return row{}, err
	}
	var where []string
	if len(f.Regions) > 0 {
		where = append(where, strings.Join(f.Regions, ","))
	}
	if len(f.Components) > 0 {
		where = append(where, strings.Join(f.Components, ","))
	}
	name := f.Env + "/" + f.Name
	return row{name, []string{
		name, yesNo(f.InForce), stamp(f.From), stamp(f.To), strings.Join(where, " "), f.Reason,
		f.Actor, f.Source, stamp(f.DeclaredAt), stamp(f.LiftedAt),
	}}, nil
}

func definitionRow(raw jsontext.Value, _ time.Time) (row, error) {
	var d struct {
		active
		InForce     bool      `json:"in_force"`
		Source      string    `json:"source"`
		ActivatedAt time.Time `json:"activated_at"`
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return row{}, err
	}
	name := d.Kind + "/" + d.Name
	return row{name, []string{
		name, d.Version, yesNo(d.InForce), stamp(d.EffectiveFrom), strings.Join(d.Envs, ","),
		d.Digest, d.Source, stamp(d.ActivatedAt),
	}}, nil
}

// oneDefinition returns the document of a name that is in force; of several, for
// different environments, the first.
func oneDefinition(ctx context.Context, c *Client, key string) (jsontext.Value, error) {
	kind, name, ok := strings.Cut(key, "/")
	if !ok || kind == "" || name == "" {
		return nil, usagef("%s is no key of the form KIND/NAME", escape(key))
	}
	raw, err := c.Get(ctx, "/v1/definitions", url.Values{"kind": {kind}, "name": {name}})
	if err != nil {
		return nil, err
	}
	return first(raw, func(jsontext.Value) bool { return true }, "definition "+key)
}

func sourceRow(raw jsontext.Value, now time.Time) (row, error) {
	var s view.SourceBody
	if err := json.Unmarshal(raw, &s); err != nil {
		return row{}, err
	}
	var missing []string
	for _, m := range s.Missing {
		text := strconv.FormatUint(m.From, 10)
		if m.To != m.From {
			text += "-" + strconv.FormatUint(m.To, 10)
		}
		missing = append(missing, text)
	}
	return row{s.Source, []string{
		s.Source, age(s.LastEventAt, now), s.ExpectedEvery, yesNo(s.Offline), yesNo(s.Incomplete),
		s.Owner, stamp(s.OfflineSince), strings.Join(missing, ","),
	}}, nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
