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
	"strings"
	"time"
)

// JiraConfig configures issues in Jira Cloud or Data Center. Its fields are
// Alertmanager's keys of jira_configs, and the account beside them. Issues are
// not reopened: a problem that comes back is a new issue.
type JiraConfig struct {
	// APIURL is the REST API, as in https://example.atlassian.net/rest/api/3 or
	// https://jira.example.com/rest/api/2. Required; https, unless AllowPrivate.
	APIURL string

	// APIType is cloud, datacenter or auto, which takes hosts at atlassian.net for
	// the cloud. It decides how issues are searched. Default auto.
	APIType string

	// Username and Password are an account and its API token, or Token one's
	// personal access token. One of the two is required.
	Username string
	Password Secret
	Token    Secret

	// Project is the key of the project. Required.
	Project string

	// IssueType is the name of the type of issue. Required.
	IssueType string

	// Priority is the name of a priority. Default: the project's.
	Priority string

	// Labels are set beside the one by which we find the issue.
	Labels []string

	// ResolveTransition is the name of the transition that ends an issue. Default:
	// the first that leads to a status of the category Done.
	ResolveTransition string

	// Fields are set when an issue is created, beside our own, by their ids. They
	// cannot replace ours.
	Fields map[string]any

	// IndexLag is how long a call that found nothing waits before it looks again:
	// Jira's search knows a new issue some seconds late. Default 5 s.
	IndexLag time.Duration

	AllowPrivate bool             // as in [WebhookConfig]
	Timeout      time.Duration    // of one Send, all of its calls included; default 15 s
	Now          func() time.Time // what a Retry-After counts from; default time.Now
}

// The limits of Jira are 255 characters of summary and 32,767 of description,
// the latter with what JSON adds to it.
const (
	maxJiraSummary     = 255
	maxJiraDescription = 15_000
)

// Jira keeps an issue for each problem. It does not touch an issue whose status
// is of the category Done.
type Jira struct {
	endpoint
	account
	api, search string
	rich        bool // descriptions are documents (API 3), not text
	fields      map[string]any
	labels      []string
	project     string
	resolve     string
	lag         time.Duration
	timeout     time.Duration
}

func jiraKind() Kind {
	return Kind{
		Name:    "jira",
		Summary: "Opens, updates and ends an issue of Jira.",
		Repeats: "Nothing: it looks for its issue by a label before it opens another one, as far as Jira's search knows.",
	}
}

var (
	jiraProject = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,99}$`)
	jiraKey     = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,99}-[0-9]{1,18}$`)
)

// ownFields are those that [JiraConfig.Fields] cannot set.
var ownFields = []string{"project", "issuetype", "summary", "description", "labels", "priority"}

// NewJira returns a receiver for cfg. It reports all faults of cfg at once,
// without quoting its secrets, and connects to nothing yet.
func NewJira(cfg JiraConfig) (*Jira, error) {
	var faults []error
	fault := func(err error) { faults = append(faults, fmt.Errorf("jira: %w", err)) }
	if err := checkURL(cfg.APIURL, cfg.AllowPrivate); err != nil {
		fault(err)
	}
	who := account{username: cfg.Username, password: cfg.Password, token: cfg.Token}
	if err := who.check(); err != nil {
		fault(err)
	}
	if !jiraProject.MatchString(cfg.Project) {
		fault(errors.New("project is no key of a project"))
	}
	if cfg.IssueType == "" {
		fault(errors.New("an issue_type is needed"))
	}
	if !slices.Contains([]string{"", "auto", "cloud", "datacenter"}, cfg.APIType) {
		fault(errors.New("api_type is not auto, cloud or datacenter"))
	}
	for _, label := range cfg.Labels {
		if label == "" || strings.ContainsAny(label, " \t\r\n") {
			fault(errors.New("a label is empty or has a space"))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Fields)) {
		if slices.Contains(ownFields, name) {
			fault(fmt.Errorf("the field %q cannot be set", name))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	j := &Jira{
		endpoint: newEndpoint("jira", cfg.Timeout, cfg.AllowPrivate, cfg.Now, cfg.APIURL, cfg.Project, cfg.Username),
		account:  who, api: strings.TrimSuffix(cfg.APIURL, "/"), project: cfg.Project, resolve: cfg.ResolveTransition,
		labels: slices.Clone(cfg.Labels),
		lag:    cmp.Or(cfg.IndexLag, 5*time.Second), timeout: cmp.Or(cfg.Timeout, defaultTimeout),
	}
	j.rich = strings.HasSuffix(j.api, "/3")
	j.search = join(j.api, "search")
	if isJiraCloud(cfg.APIType, j.api) {
		// The cloud has no other search any more, and only under API 3.
		j.search = join(j.api, "search/jql")
		if root, ok := strings.CutSuffix(j.api, "/2"); ok {
			j.search = join(root, "3/search/jql")
		}
	}
	j.fields = maps.Clone(cfg.Fields)
	if j.fields == nil {
		j.fields = map[string]any{}
	}
	j.fields["project"] = map[string]string{"key": cfg.Project}
	j.fields["issuetype"] = map[string]string{"name": cfg.IssueType}
	if cfg.Priority != "" {
		j.fields["priority"] = map[string]string{"name": cfg.Priority}
	}
	return j, nil
}

func isJiraCloud(apiType, api string) bool {
	if apiType == "cloud" || apiType == "datacenter" {
		return apiType == "cloud"
	}
	u, err := url.Parse(api)
	return err == nil && strings.HasSuffix(u.Hostname(), ".atlassian.net")
}

// jiraIssue is what we read of one.
type jiraIssue struct {
	Key    string `json:"key"`
	Fields struct {
		Labels []string   `json:"labels"`
		Status jiraStatus `json:"status"`
	} `json:"fields"`
}

type jiraStatus struct {
	Category struct {
		Key string `json:"key"`
	} `json:"statusCategory"`
}

// isDone goes by the category: the names of statuses are each project's own.
func (s *jiraStatus) isDone() bool { return s.Category.Key == "done" }

// jiraLabel is the label by which an issue is found.
func jiraLabel(m *Message) string { return "telltale-" + ticketKey(m) }

// Send brings the issue up to the message. Its Ref is the issue's key.
func (j *Jira) Send(ctx context.Context, c Call) Result {
	ctx, cancel := context.WithTimeout(ctx, j.timeout)
	defer cancel()
	over := c.Message.Status == StatusResolved
	var found *jiraIssue
	if c.Ref != "" || c.Again || over {
		var result Result
		if found, result = j.find(ctx, &c); result.Class != Delivered {
			return result
		}
	}
	switch {
	case found == nil && over:
		return Result{Class: Delivered, Detail: "there is no issue to end"}
	case found == nil:
		return j.create(ctx, &c)
	case found.Fields.Status.isDone():
		return Result{Class: Delivered, Ref: found.Key, Detail: "the issue was done before"}
	}
	// Setting the words twice is setting them once, and an issue that is done is
	// left alone: a call that broke off is repeated from the start.
	// Jira's history keeps the words before.
	result := j.write(ctx, http.MethodPut, "issue/"+found.Key, map[string]any{"fields": j.words(&c)})
	if over && (result.Class == Delivered || result.Class == Permanent) {
		result = j.end(ctx, found.Key) // also where nobody may edit
	}
	if result.Class == Delivered {
		result.Ref = found.Key
	}
	return result
}

// find looks for the call's issue: by its Ref, or by its label. A verdict other
// than delivered leaves the question open.
func (j *Jira) find(ctx context.Context, c *Call) (*jiraIssue, Result) {
	if jiraKey.MatchString(c.Ref) {
		return j.get(ctx, c.Ref)
	}
	found, result := j.lookUp(ctx, &c.Message)
	if found == nil && result.Class == Delivered && c.Again {
		if !pause(ctx, j.lag) {
			return nil, Result{Class: Transient, Detail: "there was no time to look for the issue again"}
		}
		found, result = j.lookUp(ctx, &c.Message)
	}
	if found == nil || result.Class != Delivered {
		return nil, result
	}
	return j.get(ctx, found.Key) // the search may be late with the status, too
}

// get reads an issue, nil if someone deleted it.
func (j *Jira) get(ctx context.Context, key string) (*jiraIssue, Result) {
	var issue jiraIssue
	result := j.read(ctx, http.MethodGet, join(j.api, "issue/"+key+"?fields=status"), nil, &issue)
	if result.Status == http.StatusNotFound {
		return nil, Result{Class: Delivered}
	}
	issue.Key = key // an issue that moved answers to its old key
	return &issue, result
}

// lookUp searches for the issue with the message's label, the oldest if there
// are several.
func (j *Jira) lookUp(ctx context.Context, m *Message) (*jiraIssue, Result) {
	label := jiraLabel(m)
	query := map[string]any{
		"jql":        fmt.Sprintf(`project = "%s" AND labels = "%s" ORDER BY created ASC`, j.project, label),
		"fields":     []string{"labels"},
		"maxResults": 1,
	}
	var page struct {
		Issues []jiraIssue `json:"issues"`
	}
	result := j.read(ctx, http.MethodPost, j.search, query, &page)
	if result.Class != Delivered || len(page.Issues) == 0 {
		return nil, result
	}
	found := &page.Issues[0]
	if !jiraKey.MatchString(found.Key) || !slices.Contains(found.Fields.Labels, label) {
		return nil, Result{Class: Environment, Detail: "Jira's search answers with another issue"}
	}
	return found, result
}

// create opens an issue. Only a key says that it is there.
func (j *Jira) create(ctx context.Context, c *Call) Result {
	fields := maps.Clone(j.fields)
	maps.Copy(fields, j.words(c))
	fields["labels"] = append(slices.Clone(j.labels), jiraLabel(&c.Message))
	body, err := encode(map[string]any{"fields": fields})
	if err != nil {
		return unwritable()
	}
	result, raw := j.post(ctx, join(j.api, "issue"), j.header(), body)
	if result = creating(result); result.Class != Delivered {
		return result
	}
	var issue jiraIssue
	if err := decodeJSON(raw, &issue); err != nil || !jiraKey.MatchString(issue.Key) {
		result.Class, result.Detail = Ambiguous, "Jira answers with something else than the issue"
		return result
	}
	result.Ref, result.ProviderID = issue.Key, issue.Key
	return result
}

// end leads an issue to a status that is done.
func (j *Jira) end(ctx context.Context, key string) Result {
	var list struct {
		Transitions []struct {
			ID   string     `json:"id"`
			Name string     `json:"name"`
			To   jiraStatus `json:"to"`
		} `json:"transitions"`
	}
	path := "issue/" + key + "/transitions"
	if result := j.read(ctx, http.MethodGet, join(j.api, path), nil, &list); result.Class != Delivered {
		return result
	}
	for _, t := range list.Transitions {
		if (j.resolve == "" && t.To.isDone()) || (j.resolve != "" && strings.EqualFold(t.Name, j.resolve)) {
			return j.write(ctx, http.MethodPost, path, map[string]any{"transition": map[string]string{"id": t.ID}})
		}
	}
	return Result{Class: Environment, Detail: "the issue's workflow has no transition that would end it now"}
}

// read makes a call that changes nothing and decodes its answer.
func (j *Jira) read(ctx context.Context, method, from string, query, into any) Result {
	var body []byte
	if query != nil {
		var err error
		if body, err = encode(query); err != nil {
			return unwritable()
		}
	}
	result, raw := exchange(ctx, j.client, method, from, j.header(), body, j.now())
	if result = looking(result); result.Class == Delivered && decodeJSON(raw, into) != nil {
		result.Class, result.Detail = Environment, "Jira answers with something else than its data"
	}
	return result
}

// write changes an issue. The answer has nothing in it.
func (j *Jira) write(ctx context.Context, method, path string, v any) Result {
	body, err := encode(v)
	if err != nil {
		return unwritable()
	}
	result, _ := exchange(ctx, j.client, method, join(j.api, path), j.header(), body, j.now())
	return result
}

// words are the fields that say what the message says.
func (j *Jira) words(c *Call) map[string]any {
	text := fitRunes(plainText(c.Message), maxJiraDescription)
	words := map[string]any{"summary": fitRunes(oneLine(c.Message.Title), maxJiraSummary)}
	if j.rich {
		words["description"] = jiraDocument(text)
		return words
	}
	// In wiki markup nothing is read between two of these, and nothing between
	// them ends it but another one.
	words["description"] = "{noformat}\n" + strings.ReplaceAll(text, "{", "{\u200b") + "{noformat}"
	return words
}

// jiraNode is one of the Atlassian Document Format.
type jiraNode struct {
	Type    string     `json:"type"`
	Version int        `json:"version,omitzero"`
	Text    string     `json:"text,omitzero"`
	Content []jiraNode `json:"content,omitzero"`
}

// jiraDocument shows text as it is: the text of a node is not read as markup.
func jiraDocument(text string) jiraNode {
	return jiraNode{Type: "doc", Version: 1, Content: []jiraNode{{
		Type: "codeBlock", Content: []jiraNode{{Type: "text", Text: text}},
	}}}
}
