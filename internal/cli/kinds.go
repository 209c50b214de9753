package cli

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

// kind is one kind of thing that get lists: data, so that to add one is to add
// one to [kinds].
type kind struct {
	name    string // as typed
	aliases []string
	short   string
	key     string // how the key of one is written, "" when one cannot be asked for
	path    string // of the list
	paged   bool   // the list takes limit and cursor
	filters []string

	header []string // of -o table
	wide   []string // what -o wide adds
	status int      // the column that holds a status, -1: none
	row    func(raw jsontext.Value, now time.Time) (row, error)
	one    func(ctx context.Context, c *Client, key string) (jsontext.Value, error)

	// What comes behind the row of one that was asked for; nil: nothing.
	detail func(raw jsontext.Value, now time.Time) (detail, error)

	// The row of an item as it was believed (--as-of); nil: the API does not say.
	believed func(raw jsontext.Value, now time.Time) (row, error)

	// For -w: the type of the changes to follow, and how one becomes a row unless
	// it is filtered out. Nil: the kind cannot be watched.
	changeType string
	changed    func(data jsontext.Value, where *filters, now time.Time) (r row, ok bool, err error)
}

// row is an item as a table shows it: all cells, wide ones too.
type row struct {
	name  string // for -o name
	cells []string
}

// detail is a table about one thing.
type detail struct {
	header []string
	status int // the column that holds a status
	rows   [][]string
}

// kinds lists what get can list.
func kinds() []*kind {
	return append([]*kind{
		{
			name: "deployments", aliases: []string{"deployment", "deploy"}, short: "List deployments, or show one",
			key: "ENV/REGION/COMPONENT/DEPLOYMENT", path: "/v1/deployments", paged: true,
			filters: []string{"env", "region", "component", "release", "status"},
			header:  []string{"KEY", "STATUS", "AGE", "VERSION", "RELEASE", "CONDITIONS"},
			wide:    []string{"ATTEMPT", "OWNER", "SINCE", "REASON", "MESSAGE"},
			status:  1, row: deploymentRow, one: oneDeployment, believed: beliefRow,
			changeType: events.TypeDeploymentChanged, changed: changedDeployment,
		},
		{
			name: "slots", aliases: []string{"slot"}, short: "List what runs where",
			key: "ENV/REGION/COMPONENT", path: "/v1/slots", paged: true,
			filters: []string{"env", "region", "component"},
			header:  []string{"SLOT", "VERSION", "LANDING", "AGE", "LATEST", "STATUS"},
			wide:    []string{"DEPLOYMENT", "SINCE", "LATEST-SINCE", "OWNER", "UNPLACED"},
			status:  5, row: slotRow, one: oneSlot,
			changeType: events.TypeSlotChanged, changed: changedSlot,
		},
		{
			name: "regions", aliases: []string{"region"}, short: "List regions and how far each is known",
			key: "REGION", path: "/v1/regions",
			header: []string{"REGION", "WATERMARK", "LAG", "DARK"},
			status: -1, row: regionRow, one: oneRegion,
		},
		{
			name: "quarantine", short: "List what could not be used, and why",
			key: "SEQ", path: "/v1/quarantine", paged: true,
			header: []string{"SEQ", "CODE", "STAGE", "FROM", "AGE", "DETAIL"},
			wide:   []string{"AT", "DOOR", "SUBJECT", "BYTES", "HINT"},
			status: -1, row: quarantineRow, one: oneQuarantined,
		},
		releaseKind(),
	}, saidKinds()...)
}

func deploymentRow(raw jsontext.Value, now time.Time) (row, error) {
	var d view.DeploymentBody
	if err := json.Unmarshal(raw, &d); err != nil {
		return row{}, err
	}
	return rowOf(&d, now), nil
}

func rowOf(d *view.DeploymentBody, now time.Time) row {
	return row{d.Key, []string{
		d.Key, d.Status, age(d.Since, now), d.Version, d.Release, strings.Join(d.Conditions, ","),
		strconv.FormatUint(uint64(d.Attempt), 10), d.Owner, stamp(d.Since), d.Reason, d.Message,
	}}
}

func oneDeployment(ctx context.Context, c *Client, key string) (jsontext.Value, error) {
	return deploymentAsOf(ctx, c, key, nil)
}

// deploymentAsOf returns a deployment, or with as_of in the query what was
// believed of it.
func deploymentAsOf(ctx context.Context, c *Client, key string, query url.Values) (jsontext.Value, error) {
	if err := deployment(key); err != nil {
		return nil, err
	}
	return c.Get(ctx, "/v1/deployments/"+key, query)
}

// beliefRow makes a row of what was believed of a deployment.
func beliefRow(raw jsontext.Value, now time.Time) (row, error) {
	var b view.BeliefBody
	if err := json.Unmarshal(raw, &b); err != nil {
		return row{}, err
	}
	return rowOf(&view.DeploymentBody{
		Key: b.Key, Status: b.Status, Since: b.At, Version: b.Version, Release: b.Release, Conditions: b.Conditions,
		Attempt: b.Attempt, WhoBody: view.WhoBody{Owner: b.Owner}, Reason: b.Reason, Message: b.Message,
	}, now), nil
}

// changedDeployment makes a row of a change of a deployment, which holds all
// that the table shows.
func changedDeployment(data jsontext.Value, where *filters, now time.Time) (row, bool, error) {
	var ch struct {
		Key        string    `json:"key"`
		To         string    `json:"to"`
		At         time.Time `json:"at"`
		Version    string    `json:"version"`
		Release    string    `json:"release"`
		Conditions []string  `json:"conditions"`
		Attempt    uint32    `json:"attempt"`
		Owner      string    `json:"owner"`
		Reason     string    `json:"reason"`
		Message    string    `json:"message"`
	}
	if err := json.Unmarshal(data, &ch); err != nil {
		return row{}, false, err
	}
	k, err := events.ParseKey(ch.Key)
	if err != nil {
		return row{}, false, err
	}
	if !where.slot(k.Slot) || where.deployment != "" && where.deployment != k.Deployment || where.release != "" && where.release != ch.Release ||
		len(where.statuses) > 0 && !slices.Contains(where.statuses, ch.To) {
		return row{}, false, nil
	}
	return rowOf(&view.DeploymentBody{
		Key: ch.Key, Status: ch.To, Since: ch.At, Version: ch.Version, Release: ch.Release, Conditions: ch.Conditions,
		Attempt: ch.Attempt, WhoBody: view.WhoBody{Owner: ch.Owner}, Reason: ch.Reason, Message: ch.Message,
	}, now), true, nil
}

func slotRow(raw jsontext.Value, now time.Time) (row, error) {
	s := view.SlotListed{}
	if err := json.Unmarshal(raw, &s); err != nil {
		return row{}, err
	}
	if s.Latest == nil {
		s.Latest = &view.LatestBody{}
	}
	name := s.Env + "/" + s.Region + "/" + s.Component
	return row{name, []string{
		name, s.Version, s.Landing, age(s.Since, now), s.Latest.Deployment, s.Latest.Status,
		s.Deployment, stamp(s.Since), stamp(s.Latest.Since), s.Owner, strconv.Itoa(s.Unplaced),
	}}, nil
}

// oneSlot finds a slot in the list of slots: the API lists them only.
func oneSlot(ctx context.Context, c *Client, key string) (jsontext.Value, error) {
	p, err := parts(key, 3, "ENV/REGION/COMPONENT")
	if err != nil {
		return nil, err
	}
	raw, err := c.Get(ctx, "/v1/slots", url.Values{"env": {p[0]}, "region": {p[1]}, "component": {p[2]}})
	if err != nil {
		return nil, err
	}
	return first(raw, func(jsontext.Value) bool { return true }, "slot "+key)
}

func changedSlot(data jsontext.Value, where *filters, now time.Time) (row, bool, error) {
	var s view.SlotBody
	if err := json.Unmarshal(data, &s); err != nil {
		return row{}, false, err
	}
	r, err := slotRow(data, now)
	return r, where.slot(events.Slot{Env: s.Env, Region: s.Region, Component: s.Component}), err
}

func regionRow(raw jsontext.Value, _ time.Time) (row, error) {
	var r view.Region
	if err := json.Unmarshal(raw, &r); err != nil {
		return row{}, err
	}
	lag := time.Duration(r.LagSeconds * float64(time.Second))
	return row{r.Region, []string{r.Region, stamp(r.Watermark), short(lag), yesNo(r.Dark)}}, nil
}

func oneRegion(ctx context.Context, c *Client, key string) (jsontext.Value, error) {
	raw, err := c.Get(ctx, "/v1/regions", nil)
	if err != nil {
		return nil, err
	}
	is := func(item jsontext.Value) bool {
		var r view.Region
		return json.Unmarshal(item, &r) == nil && r.Region == key
	}
	return first(raw, is, "region "+key)
}

func quarantineRow(raw jsontext.Value, now time.Time) (row, error) {
	var q struct {
		Seq     uint64    `json:"seq"`
		At      time.Time `json:"at"`
		Stage   string    `json:"stage"`
		Code    string    `json:"code"`
		Detail  string    `json:"detail"`
		Hint    string    `json:"hint"`
		From    string    `json:"from"`
		Door    string    `json:"door"`
		Subject string    `json:"subject"`
		Bytes   int       `json:"bytes"`
	}
	if err := json.Unmarshal(raw, &q); err != nil {
		return row{}, err
	}
	seq := strconv.FormatUint(q.Seq, 10)
	return row{seq, []string{
		seq, q.Code, q.Stage, q.From, age(q.At, now), q.Detail,
		stamp(q.At), q.Door, q.Subject, strconv.Itoa(q.Bytes), q.Hint,
	}}, nil
}

func oneQuarantined(ctx context.Context, c *Client, key string) (jsontext.Value, error) {
	if _, err := strconv.ParseUint(key, 10, 64); err != nil {
		return nil, usagef("%s is no sequence number of the quarantine", escape(key))
	}
	return c.Get(ctx, "/v1/quarantine/"+key, nil)
}

// first returns the first item of a list that is the wanted one, or an error
// of a thing that does not exist.
func first(list jsontext.Value, is func(jsontext.Value) bool, what string) (jsontext.Value, error) {
	var p page
	if err := json.Unmarshal(list, &p); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(p.Items, is); i >= 0 {
		return p.Items[i], nil
	}
	return nil, &ExitError{Code: ExitNotFound, Err: events.Errorf(events.CodeNotFound, "there is no %s", escape(what))}
}
