package config

import (
	"strings"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
)

// Opsgenie is an integration of Opsgenie or Jira Service Management.
type Opsgenie struct {
	// Key of an API integration that may read, too.
	APIKey Secret `yaml:"api_key"`

	// File that holds the key. Excludes api_key.
	APIKeyFile string `yaml:"api_key_file"`

	// Address that the API's paths follow. Optional; without it that of Jira Service
	// Management. Opsgenie's own is https://api.opsgenie.com/.
	APIURL string `yaml:"api_url"`

	// Who is told. Optional; without it as the integration says.
	Responders []OpsgenieResponder `yaml:"responders"`

	// P1 to P5. Optional; without it by the severity: P1 for critical, P3 for
	// warning, P5 for info.
	Priority string `yaml:"priority"`

	// Where alerts come from. Optional; without it telltale.
	Source string `yaml:"source"`

	// Tags of each alert, with commas between.
	Tags string `yaml:"tags"`

	// Actions of each alert, with commas between.
	Actions string `yaml:"actions"`

	// Entity of each alert.
	Entity string `yaml:"entity"`

	// Note at each alert.
	Note string `yaml:"note"`

	// Details of each alert beside the labels.
	Details map[string]string `yaml:"details"`

	// Whether it is told when a problem is over.
	SendResolved Switch `yaml:"send_resolved"`

	// Allows http:// and addresses that are not public.
	AllowPrivate bool `yaml:"allow_private"`
}

// OpsgenieResponder is who is told by Opsgenie. One of ID, Name and Username says
// who.
type OpsgenieResponder struct {
	// Its id.
	ID string `yaml:"id"`

	// Its name.
	Name string `yaml:"name"`

	// Of a user, the name to log in with.
	Username string `yaml:"username"`

	// team, user, escalation or schedule.
	Type string `yaml:"type"`
}

func (o Opsgenie) sender(origin) (Sender, error) {
	cfg := receiver.OpsgenieConfig{
		APIKey: o.APIKey.toReceiver(), APIURL: o.APIURL, Priority: o.Priority, Source: o.Source,
		Tags: list(o.Tags), Actions: list(o.Actions), Entity: o.Entity, Note: o.Note, Details: o.Details, AllowPrivate: o.AllowPrivate,
	}
	for _, r := range o.Responders {
		cfg.Responders = append(cfg.Responders, receiver.OpsgenieResponder(r))
	}
	return receiver.NewOpsgenie(cfg)
}

func (o Opsgenie) onlyFiring() bool { return !o.SendResolved.On() }

// list splits a text at its commas, as Alertmanager does with tags.
func list(text string) []string {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, part)
		}
	}
	return all
}

// Jira is a project of Jira.
type Jira struct {
	// The REST API, as in https://example.atlassian.net/rest/api/3 or
	// https://jira.example.com/rest/api/2.
	APIURL string `yaml:"api_url"`

	// cloud, datacenter or auto. Optional; without it auto: hosts at atlassian.net
	// are the cloud.
	APIType string `yaml:"api_type"`

	// Account, with password. Excludes token.
	Username string `yaml:"username"`

	// Its password, or API token.
	Password Secret `yaml:"password"`

	// File that holds the password. Excludes password.
	PasswordFile string `yaml:"password_file"`

	// Personal access token.
	Token Secret `yaml:"token"`

	// File that holds the token. Excludes token.
	TokenFile string `yaml:"token_file"`

	// Key of the project.
	Project string `yaml:"project"`

	// Name of the type of issues.
	IssueType string `yaml:"issue_type"`

	// Name of their priority. Optional; without it the project's.
	Priority string `yaml:"priority"`

	// Labels of issues beside the one by which they are found.
	Labels []string `yaml:"labels"`

	// Name of the transition that ends an issue. Optional; without it the first that
	// leads to a status of the category Done.
	ResolveTransition string `yaml:"resolve_transition"`

	// Fields of new issues beside our own, by their ids; texts only.
	Fields map[string]string `yaml:"fields"`

	// Whether it is told when a problem is over.
	SendResolved Switch `yaml:"send_resolved"`

	// Allows http:// and addresses that are not public.
	AllowPrivate bool `yaml:"allow_private"`
}

func (j Jira) sender(origin) (Sender, error) {
	fields := make(map[string]any, len(j.Fields))
	for id, value := range j.Fields {
		fields[id] = value
	}
	return receiver.NewJira(receiver.JiraConfig{
		APIURL: j.APIURL, APIType: j.APIType, Username: j.Username, Password: j.Password.toReceiver(), Token: j.Token.toReceiver(),
		Project: j.Project, IssueType: j.IssueType, Priority: j.Priority, Labels: j.Labels,
		ResolveTransition: j.ResolveTransition, Fields: fields, AllowPrivate: j.AllowPrivate,
	})
}

func (j Jira) onlyFiring() bool { return !j.SendResolved.On() }

// ServiceNow is an instance of ServiceNow.
type ServiceNow struct {
	// The instance, as in https://example.service-now.com.
	InstanceURL string `yaml:"instance_url"`

	// Account with the role itil, with password. Excludes token.
	Username string `yaml:"username"`

	// Its password.
	Password Secret `yaml:"password"`

	// File that holds the password. Excludes password.
	PasswordFile string `yaml:"password_file"`

	// OAuth token.
	Token Secret `yaml:"token"`

	// File that holds the token. Excludes token.
	TokenFile string `yaml:"token_file"`

	// Table in which incidents are. Optional; without it incident.
	Table string `yaml:"table"`

	// Fields of new incidents beside our own, such as assignment_group.
	Fields map[string]string `yaml:"fields"`

	// What a severity is as impact. Optional; without it critical is 1, warning 2,
	// all others 3.
	Impact map[string]string `yaml:"impact"`

	// The same as urgency.
	Urgency map[string]string `yaml:"urgency"`

	// State of an incident whose problem is over. Optional; without it 6.
	ResolvedState string `yaml:"resolved_state"`

	// States in which an incident is left alone. Optional; without it 6, 7 and 8.
	ClosedStates []string `yaml:"closed_states"`

	// Close code, of the instance's own list. Optional; without it Solution provided.
	CloseCode string `yaml:"close_code"`

	// Whether it is told when a problem is over.
	SendResolved Switch `yaml:"send_resolved"`

	// Allows http:// and addresses that are not public.
	AllowPrivate bool `yaml:"allow_private"`
}

func (s ServiceNow) sender(origin) (Sender, error) {
	return receiver.NewServiceNow(receiver.ServiceNowConfig{
		InstanceURL: s.InstanceURL, Username: s.Username, Password: s.Password.toReceiver(), Token: s.Token.toReceiver(),
		Table: s.Table, Fields: s.Fields, Impact: s.Impact, Urgency: s.Urgency,
		ResolvedState: s.ResolvedState, ClosedStates: s.ClosedStates, CloseCode: s.CloseCode, AllowPrivate: s.AllowPrivate,
	})
}

func (s ServiceNow) onlyFiring() bool { return !s.SendResolved.On() }
