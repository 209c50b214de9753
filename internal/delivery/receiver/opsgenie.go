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

// OpsgenieConfig configures alerts in Jira Service Management, or in Opsgenie
// while it lasts. Its fields are Alertmanager's keys of opsgenie_configs.
type OpsgenieConfig struct {
	// APIKey is the key of an API integration. Required. It has to be one that may
	// read, too: whether an alert came to be is only told to those who ask.
	APIKey Secret

	// APIURL is what the API's paths follow. Default: that of Jira Service
	// Management. Opsgenie's own is https://api.opsgenie.com/, and ends on
	// 2027-04-05. https, unless AllowPrivate.
	APIURL string

	// Responders are who is told; default: those of the integration.
	Responders []OpsgenieResponder

	// Priority is P1 to P5. Default: by the severity, P1 for critical, P3 for
	// warning, P5 for info.
	Priority string

	// Source says where alerts come from. Default telltale.
	Source string

	// Tags, Actions, Entity and Note go with each alert; Details beside the labels
	// of the message.
	Tags, Actions []string
	Entity, Note  string
	Details       map[string]string

	// Poll is the time between two questions whether a request was done. Default
	// 500 ms.
	Poll time.Duration

	AllowPrivate bool             // as in [WebhookConfig]
	Timeout      time.Duration    // of one Send, all of its calls included; default 15 s
	Now          func() time.Time // what a Retry-After counts from; default time.Now
}

// OpsgenieResponder names a team, a user, an escalation or a schedule by one of
// ID, Name and Username.
type OpsgenieResponder struct {
	ID       string `json:"id,omitzero"`
	Name     string `json:"name,omitzero"`
	Username string `json:"username,omitzero"`
	Type     string `json:"type"`
}

const opsgenieURL = "https://api.atlassian.com/jsm/ops/integration/"

// The limits of an alert, in characters.
const (
	maxOpsgenieMessage = 130
	maxOpsgenieText    = 15_000
	maxOpsgenieDetails = 8_000
	maxOpsgenieStatus  = 120 // of what it says, in our records; ours
)

// Opsgenie opens and closes alerts. The API takes requests, answers 202 and does
// them later, or not: a message is delivered when the API says that it did it.
//
// The alert is the alias: while it is open, whatever is repeated counts as the
// same one.
type Opsgenie struct {
	endpoint
	api      string
	key      Secret
	standing opsgenieAlert // what all alerts share
	poll     time.Duration
	timeout  time.Duration
}

func opsgenieKind() Kind {
	return Kind{
		Name:    "opsgenie",
		Summary: "Opens, updates and closes an alert of Jira Service Management or Opsgenie.",
		Repeats: "Nothing: the alert is the alias. Its count goes up.",
	}
}

var opsgeniePriority = regexp.MustCompile(`^(P[1-5])?$`)

// NewOpsgenie returns a receiver for cfg. It reports all faults of cfg at once,
// without quoting its key, and connects to nothing yet.
func NewOpsgenie(cfg OpsgenieConfig) (*Opsgenie, error) {
	api := cmp.Or(cfg.APIURL, opsgenieURL)
	var faults []error
	fault := func(err error) { faults = append(faults, fmt.Errorf("opsgenie: %w", err)) }
	if err := checkURL(api, cfg.AllowPrivate); err != nil {
		fault(err)
	}
	if cfg.APIKey == "" {
		fault(errors.New("an api_key is needed"))
	}
	if !opsgeniePriority.MatchString(cfg.Priority) {
		fault(errors.New("priority is not P1 to P5"))
	}
	for i, r := range cfg.Responders {
		if !slices.Contains([]string{"team", "user", "escalation", "schedule"}, r.Type) || cmp.Or(r.ID, r.Name, r.Username) == "" {
			fault(fmt.Errorf("responder %d has no type that there is, or no name", i+1))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return &Opsgenie{
		endpoint: newEndpoint("opsgenie", cfg.Timeout, cfg.AllowPrivate, cfg.Now, api, string(cfg.APIKey)),
		api:      join(api, "v2/alerts"), key: cfg.APIKey,
		standing: opsgenieAlert{
			Responders: slices.Clone(cfg.Responders), Priority: cfg.Priority, Source: cmp.Or(cfg.Source, "telltale"),
			Tags: slices.Clone(cfg.Tags), Actions: slices.Clone(cfg.Actions), Entity: cfg.Entity, Note: cfg.Note,
			Details: maps.Clone(cfg.Details),
		},
		poll: cmp.Or(cfg.Poll, 500*time.Millisecond), timeout: cmp.Or(cfg.Timeout, defaultTimeout),
	}, nil
}

// opsgenieAlert opens an alert.
type opsgenieAlert struct {
	Alias       string              `json:"alias"`
	Message     string              `json:"message"`
	Description string              `json:"description"`
	Responders  []OpsgenieResponder `json:"responders,omitzero"`
	Tags        []string            `json:"tags,omitzero"`
	Actions     []string            `json:"actions,omitzero"`
	Details     map[string]string   `json:"details,omitzero"`
	Entity      string              `json:"entity,omitzero"`
	Source      string              `json:"source"`
	Priority    string              `json:"priority"`
	Note        string              `json:"note,omitzero"`
}

// Send brings the alert up to the message. Its Ref is the alias.
func (o *Opsgenie) Send(ctx context.Context, c Call) Result {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	a := o.alert(&c)
	var result Result
	switch {
	case c.Message.Status == StatusResolved:
		result = o.ask(ctx, http.MethodPost, o.address(a.Alias, "/close"), map[string]string{"source": a.Source})
		result = o.unlessClosed(ctx, a.Alias, result)
	case c.Ref == "":
		result = o.ask(ctx, http.MethodPost, o.api, a)
		if result.Class == Delivered && c.Again {
			result = o.reword(ctx, a) // it may have been open with other words
		}
	default:
		// Opening it again would change nothing while it is open, and page again if
		// a person closed it.
		result = o.reword(ctx, a)
	}
	if result.Class == Delivered {
		result.Ref = a.Alias
	}
	return result
}

// reword gives an open alert the words of a.
func (o *Opsgenie) reword(ctx context.Context, a *opsgenieAlert) Result {
	result := o.ask(ctx, http.MethodPut, o.address(a.Alias, "/message"), map[string]string{"message": a.Message})
	if result.Class == Delivered {
		result = o.ask(ctx, http.MethodPut, o.address(a.Alias, "/description"), map[string]string{"description": a.Description})
	}
	return o.unlessClosed(ctx, a.Alias, result)
}

// alert is the same for every call under one id.
func (o *Opsgenie) alert(c *Call) *opsgenieAlert {
	m := &c.Message
	a := o.standing
	a.Alias = token(m.Alert)
	a.Message = fitRunes(oneLine(m.Title), maxOpsgenieMessage)
	a.Description = fitRunes(plainText(*m), maxOpsgenieText)
	a.Details = opsgenieDetails(m.Labels, a.Details)
	if a.Priority == "" {
		a.Priority = map[string]string{"critical": "P1", "info": "P5"}[m.Severity]
		a.Priority = cmp.Or(a.Priority, "P3")
	}
	return &a
}

// opsgenieDetails puts together what the message and the configuration say, the
// latter first, as far as it fits.
func opsgenieDetails(labels, own map[string]string) map[string]string {
	details := maps.Clone(own)
	if details == nil {
		details = map[string]string{}
	}
	left := maxOpsgenieDetails
	for name, value := range own {
		left -= len(name) + len(value)
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if _, ok := own[name]; ok {
			continue
		}
		if left -= len(name) + len(labels[name]); left < 0 {
			break
		}
		details[name] = labels[name]
	}
	return details
}

// errand is what the API says about a request.
type errand struct {
	RequestID string `json:"requestId"`
	Data      struct {
		Success bool   `json:"isSuccess"`
		Status  string `json:"status"`
		AlertID string `json:"alertId"`
	} `json:"data"`
}

// ask hands in a request and asks until it is done or refused.
func (o *Opsgenie) ask(ctx context.Context, method, to string, v any) Result {
	body, err := encode(v)
	if err != nil {
		return unwritable()
	}
	result, raw := exchange(ctx, o.client, method, to, o.header(), body, o.now())
	if result.Class != Delivered {
		return result
	}
	var taken errand
	if decodeJSON(raw, &taken) != nil || !requestID.MatchString(taken.RequestID) {
		result.Class, result.Detail = Ambiguous, "the API answers without the id of the request"
		return result
	}
	return o.await(ctx, taken.RequestID)
}

// requestID is the form of an id that may stand in a path.
var requestID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// await asks for the outcome of a request until there is one. The API answers
// 404 while it has not come to it. What goes wrong with a question is no word
// about the request.
func (o *Opsgenie) await(ctx context.Context, id string) Result {
	for {
		result, raw := exchange(ctx, o.client, http.MethodGet, o.api+"/requests/"+id, o.header(), nil, o.now())
		var done errand
		switch {
		case result.Status == http.StatusUnauthorized, result.Status == http.StatusForbidden:
			result.Class = Environment
			result.Detail = "the API took the request, and does not tell this key whether it did it"
			return result
		case result.Class == Delivered && decodeJSON(raw, &done) == nil && done.Data.Success:
			result.ProviderID = printable(cmp.Or(done.Data.AlertID, id))
			return result
		case result.Class == Delivered && done.Data.Status != "":
			result.Class, result.ProviderID = Environment, id
			result.Detail = "the API took the request and then refused it: " + fitRunes(oneLine(done.Data.Status), maxOpsgenieStatus)
			return result
		}
		if !pause(ctx, o.poll) {
			return Result{Class: Ambiguous, ProviderID: id, Detail: "the API took the request and did not say in time whether it did it"}
		}
	}
}

// unlessClosed turns the refusal to change or close an alert into a delivery if
// there is no open alert: a person closed it, or it never was.
func (o *Opsgenie) unlessClosed(ctx context.Context, alias string, refused Result) Result {
	if refused.Class == Delivered || refused.Class == Ambiguous || refused.Class == Transient {
		return refused
	}
	result, raw := exchange(ctx, o.client, http.MethodGet, o.address(alias, ""), o.header(), nil, o.now())
	var now errand
	closed := result.Class == Delivered && decodeJSON(raw, &now) == nil && now.Data.Status == "closed"
	if closed || (result.Status == http.StatusNotFound && refused.Status != http.StatusNotFound) {
		return Result{Class: Delivered, Detail: "there is no open alert"}
	}
	return refused
}

// address is that of an alert, or of something to do with it.
func (o *Opsgenie) address(alias, action string) string {
	return o.api + "/" + url.PathEscape(alias) + action + "?identifierType=alias"
}

func (o *Opsgenie) header() http.Header {
	h := jsonHeader("")
	h.Set("Authorization", "GenieKey "+string(o.key))
	return h
}
