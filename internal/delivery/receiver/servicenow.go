package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// ServiceNowConfig configures incidents in ServiceNow. Alertmanager has no such
// receiver; the keys are ours.
type ServiceNowConfig struct {
	// InstanceURL is the instance, as in https://example.service-now.com.
	// Required; https, unless AllowPrivate.
	InstanceURL string

	// Username and Password are an account with the role itil, or Token one's
	// OAuth token. One of the two is required.
	Username string
	Password Secret
	Token    Secret

	// Table is where incidents are. Default incident.
	Table string

	// Fields are set when an incident is created, beside our own:
	// assignment_group, caller_id, category, cmdb_ci, … They cannot replace ours.
	Fields map[string]string

	// Impact and Urgency translate a severity. Defaults: critical 1, warning 2,
	// all others 3.
	Impact, Urgency map[string]string

	// ResolvedState is the state that an incident gets when the problem is over.
	// Default 6. ClosedStates are those in which we leave it alone. Default 6, 7
	// and 8.
	ResolvedState string
	ClosedStates  []string

	// CloseCode is set with ResolvedState; most instances demand one of their own
	// list. Default "Solution provided".
	CloseCode string

	AllowPrivate bool             // as in [WebhookConfig]
	Timeout      time.Duration    // of one Send, all of its calls included; default 15 s
	Now          func() time.Time // what a Retry-After counts from; default time.Now
}

// The lengths of the table's columns, in characters.
const (
	maxServiceNowTitle = 160
	maxServiceNowText  = 4000
)

// ServiceNow keeps an incident for each problem, through the Table API. It does
// not touch an incident that a person resolved or closed.
type ServiceNow struct {
	endpoint
	account
	table         string // the address of the table
	fields        map[string]string
	impact        map[string]string
	urgency       map[string]string
	resolvedState string
	closedStates  []string
	closeCode     string
	timeout       time.Duration
}

func serviceNowKind() Kind {
	return Kind{
		Name:    "servicenow",
		Summary: "Opens, updates and resolves an incident of ServiceNow.",
		Repeats: "Nothing: it looks for its incident by correlation_id before it opens another one.",
	}
}

// columnName is the form of the names of tables and columns.
var columnName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,79}$`)

// ownColumns are those that [ServiceNowConfig.Fields] cannot set.
var ownColumns = []string{
	"short_description", "description", "impact", "urgency", "correlation_id", "correlation_display", "state", "close_code", "close_notes",
}

// NewServiceNow returns a receiver for cfg. It reports all faults of cfg at once,
// without quoting its secrets, and connects to nothing yet.
func NewServiceNow(cfg ServiceNowConfig) (*ServiceNow, error) {
	var faults []error
	fault := func(err error) { faults = append(faults, fmt.Errorf("servicenow: %w", err)) }
	if err := checkURL(cfg.InstanceURL, cfg.AllowPrivate); err != nil {
		fault(err)
	}
	who := account{username: cfg.Username, password: cfg.Password, token: cfg.Token}
	if err := who.check(); err != nil {
		fault(err)
	}
	table := cmp.Or(cfg.Table, "incident")
	if !columnName.MatchString(table) {
		fault(errors.New("table is no name of a table"))
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Fields)) {
		if !columnName.MatchString(name) || slices.Contains(ownColumns, name) {
			fault(fmt.Errorf("the field %q cannot be set", name))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	s := &ServiceNow{
		endpoint: newEndpoint("servicenow", cfg.Timeout, cfg.AllowPrivate, cfg.Now, cfg.InstanceURL, table, cfg.Username),
		account:  who, table: join(cfg.InstanceURL, "api/now/table/"+table),
		fields: maps.Clone(cfg.Fields), impact: maps.Clone(cfg.Impact), urgency: maps.Clone(cfg.Urgency),
		resolvedState: cmp.Or(cfg.ResolvedState, "6"), closedStates: slices.Clone(cfg.ClosedStates),
		closeCode: cmp.Or(cfg.CloseCode, "Solution provided"), timeout: cmp.Or(cfg.Timeout, defaultTimeout),
	}
	if len(s.closedStates) == 0 {
		s.closedStates = []string{"6", "7", "8"}
	}
	return s, nil
}

// incident is what we read of one.
type incident struct {
	SysID       string `json:"sys_id"`
	Number      string `json:"number"`
	State       string `json:"state"`
	Correlation string `json:"correlation_id"`
}

// Send brings the incident up to the message. Its Ref is the sys_id.
func (s *ServiceNow) Send(ctx context.Context, c Call) Result {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	over := c.Message.Status == StatusResolved
	var found *incident
	if c.Ref != "" || c.Again || over {
		var result Result
		if found, result = s.find(ctx, &c); result.Class != Delivered {
			return result
		}
	}
	switch {
	case found == nil && over:
		return Result{Class: Delivered, Detail: "there is no incident to resolve"}
	case found == nil:
		return s.create(ctx, &c)
	case slices.Contains(s.closedStates, found.State):
		return Result{Class: Delivered, Ref: found.SysID, ProviderID: found.Number, Detail: "the incident was closed before"}
	}
	columns := s.columns(&c)
	if over {
		columns["state"] = s.resolvedState
		columns["close_code"] = s.closeCode
		columns["close_notes"] = columns["description"]
		delete(columns, "description") // what the incident was about is worth keeping
		delete(columns, "short_description")
	}
	return s.update(ctx, found.SysID, columns)
}

// columns are those that say what the message says. Setting them twice is
// setting them once; the columns of notes, which grow, are left alone.
func (s *ServiceNow) columns(c *Call) map[string]string {
	m := &c.Message
	return map[string]string{
		"short_description": fitRunes(oneLine(m.Title), maxServiceNowTitle),
		"description":       fitRunes(plainText(*m), maxServiceNowText),
		"impact":            level(s.impact, m.Severity),
		"urgency":           level(s.urgency, m.Severity),
	}
}

// level translates a severity to ServiceNow's 1 to 3.
func level(own map[string]string, severity string) string {
	standard := map[string]string{"critical": "1", "warning": "2"}
	return cmp.Or(own[severity], standard[severity], "3")
}

// find looks for the call's incident: by its Ref, or by what it is about. A
// verdict other than delivered leaves the question open.
func (s *ServiceNow) find(ctx context.Context, c *Call) (*incident, Result) {
	if c.Ref != "" && token(c.Ref) == c.Ref {
		var one struct {
			Result incident `json:"result"`
		}
		result, ok := s.read(ctx, s.address(c.Ref, nil), &one)
		switch {
		case result.Status == http.StatusNotFound:
			return nil, Result{Class: Delivered} // someone deleted it
		case !ok:
			return nil, result
		}
		return &one.Result, result
	}
	key := ticketKey(&c.Message)
	var list struct {
		Result []incident `json:"result"`
	}
	result, ok := s.read(ctx, s.address("", url.Values{
		"sysparm_query": {"correlation_id=" + key + "^ORDERBYsys_created_on"},
		"sysparm_limit": {"1"},
	}), &list)
	switch {
	case !ok || len(list.Result) == 0:
		return nil, result
	case list.Result[0].Correlation != key:
		// ServiceNow leaves out of a query what its account may not see, and answers
		// with any incident at all.
		return nil, Result{Class: Environment, Detail: "the account cannot look for incidents by their correlation_id"}
	}
	return &list.Result[0], result
}

// read gets JSON. It reports whether into was filled.
func (s *ServiceNow) read(ctx context.Context, from string, into any) (Result, bool) {
	result, raw := exchange(ctx, s.client, http.MethodGet, from, s.header(), nil, s.now())
	if result = looking(result); result.Class != Delivered {
		return result, false
	}
	if result.Status != http.StatusOK || decodeJSON(raw, into) != nil {
		result.Class, result.Detail = Environment, "the instance answers with something else than its data; it may be asleep"
		return result, false
	}
	return result, true
}

// create opens an incident. Only a 201 with the incident in it says that it is
// there: an instance that sleeps answers 200 and a page.
func (s *ServiceNow) create(ctx context.Context, c *Call) Result {
	columns := s.columns(c)
	maps.Copy(columns, s.fields)
	columns["correlation_id"] = ticketKey(&c.Message)
	columns["correlation_display"] = "telltale"
	result := creating(s.write(ctx, http.MethodPost, s.address("", nil), columns, http.StatusCreated))
	if result.Class == Ambiguous && result.Status == http.StatusOK {
		result.Detail = "the instance answers with something else than the incident; it may be asleep"
	}
	return result
}

func (s *ServiceNow) update(ctx context.Context, sysID string, columns map[string]string) Result {
	return s.write(ctx, http.MethodPatch, s.address(sysID, nil), columns, http.StatusOK)
}

// write sends columns and reads the incident that comes back with the status
// want.
func (s *ServiceNow) write(ctx context.Context, method, to string, columns map[string]string, want int) Result {
	body, err := encode(columns)
	if err != nil {
		return unwritable()
	}
	result, raw := exchange(ctx, s.client, method, to, s.header(), body, s.now())
	if result.Class != Delivered {
		return result
	}
	var answer struct {
		Result incident `json:"result"`
	}
	if err := decodeJSON(raw, &answer); err != nil || result.Status != want || token(answer.Result.SysID) != answer.Result.SysID {
		result.Class, result.Detail = Ambiguous, "the instance answers with something else than the incident"
		return result
	}
	result.Ref, result.ProviderID = answer.Result.SysID, printable(answer.Result.Number)
	return result
}

// address is that of an incident, or of the table, with what we read of it.
func (s *ServiceNow) address(sysID string, query url.Values) string {
	if query == nil {
		query = url.Values{}
	}
	query.Set("sysparm_fields", "sys_id,number,state,correlation_id")
	to := s.table
	if sysID != "" {
		to = join(to, sysID)
	}
	return to + "?" + query.Encode()
}
