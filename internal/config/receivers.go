package config

import (
	"fmt"
	"time"

	"github.com/telltale-dev/telltale/internal/delivery/receiver"
)

// Receiver is people or machines that can be told, in one way or several. Without
// any it tells nobody.
type Receiver struct {
	// Name by which routes know it.
	Name string `yaml:"name"`

	// Webhooks that are sent signed CloudEvents (Standard Webhooks).
	WebhookConfigs []Webhook `yaml:"webhook_configs"`

	// Webhooks that are sent what Alertmanager sends to its own (version 4).
	AlertmanagerWebhookConfigs []AlertmanagerWebhook `yaml:"alertmanager_webhook_configs"`

	// Alertmanagers that are sent alerts, as Prometheus would.
	AlertmanagerConfigs []Alertmanager `yaml:"alertmanager_configs"`

	// Services of PagerDuty (Events API v2).
	PagerdutyConfigs []Pagerduty `yaml:"pagerduty_configs"`

	// Channels of Slack.
	SlackConfigs []Slack `yaml:"slack_configs"`

	// Channels of Microsoft Teams, by their workflows.
	MSTeamsV2Configs []MSTeamsV2 `yaml:"msteamsv2_configs"`

	// Mail.
	EmailConfigs []Email `yaml:"email_configs"`

	// Integrations of Opsgenie or Jira Service Management.
	OpsgenieConfigs []Opsgenie `yaml:"opsgenie_configs"`

	// Projects of Jira.
	JiraConfigs []Jira `yaml:"jira_configs"`

	// Instances of ServiceNow.
	ServiceNowConfigs []ServiceNow `yaml:"servicenow_configs"`
}

// Endpoint is one way in which a receiver is told.
type Endpoint struct {
	// Name tells it from the receiver's others: its kind, and which of that kind it
	// is, such as slack2.
	Name string

	// To is called, and closed by who has it.
	To Sender

	// OnlyFiring: it is not told when a problem is over.
	OnlyFiring bool
}

// Sender is a receiver of package receiver.
type Sender interface {
	receiver.Receiver
	Close()
}

// settings is one entry of a list of *_configs.
type settings interface {
	// sender returns what the entry configures. It connects to nothing, and its
	// errors quote no secret.
	sender(o origin) (Sender, error)
	onlyFiring() bool
}

// origin is what some messages say of who sends them.
type origin struct {
	receiver  string // as routes know it
	publicURL string // of this server, "" when it has none
}

// entry is a settings with its place.
type entry struct {
	settings

	kind string // such as slack
	n    int    // 0, 1, … of the kind
}

func appendEntries[S settings](all []entry, kind string, list []S) []entry {
	for n, s := range list {
		all = append(all, entry{settings: s, kind: kind, n: n})
	}
	return all
}

// entries returns all ways in which r is told. A kind of receiver has one line
// here, a list in [Receiver] and a struct.
func (r *Receiver) entries() []entry {
	all := appendEntries(nil, "webhook", r.WebhookConfigs)
	all = appendEntries(all, "alertmanager_webhook", r.AlertmanagerWebhookConfigs)
	all = appendEntries(all, "alertmanager", r.AlertmanagerConfigs)
	all = appendEntries(all, "pagerduty", r.PagerdutyConfigs)
	all = appendEntries(all, "slack", r.SlackConfigs)
	all = appendEntries(all, "msteamsv2", r.MSTeamsV2Configs)
	all = appendEntries(all, "email", r.EmailConfigs)
	all = appendEntries(all, "opsgenie", r.OpsgenieConfigs)
	all = appendEntries(all, "jira", r.JiraConfigs)
	return appendEntries(all, "servicenow", r.ServiceNowConfigs)
}

// Endpoints returns the ways in which r is told, which connect to nothing yet.
// publicURL is where people reach this server, "" when nobody said.
func (r *Receiver) Endpoints(publicURL string) ([]Endpoint, error) {
	var all []Endpoint
	for _, e := range r.entries() {
		to, err := e.sender(origin{r.Name, publicURL})
		if err != nil {
			return nil, fmt.Errorf("receiver %s: %w", r.Name, err)
		}
		all = append(all, Endpoint{Name: fmt.Sprintf("%s%d", e.kind, e.n+1), To: to, OnlyFiring: e.onlyFiring()})
	}
	return all, nil
}

func (s Secret) toReceiver() receiver.Secret { return receiver.Secret(s.Reveal()) }

// Webhook is an HTTP endpoint that is sent signed messages (Standard Webhooks).
type Webhook struct {
	// Where messages are posted, https://. Shown to nobody, since the URLs of
	// many services are secrets by themselves.
	URL Secret `yaml:"url"`

	// File that holds the URL. Excludes url.
	URLFile string `yaml:"url_file"`

	// Key that signs messages, "whsec_" and base64. Whoever knows it can pose
	// as this server towards the receiver.
	Secret Secret `yaml:"secret"`

	// File that holds the key. Excludes secret.
	SecretFile string `yaml:"secret_file"`

	// Whether it is told when a problem is over.
	SendResolved Switch `yaml:"send_resolved"`

	// Allows http:// and addresses that are not public, as inside a network of
	// one's own. Without it every address is checked as it is dialled.
	AllowPrivate bool `yaml:"allow_private"`
}

func (w Webhook) sender(origin) (Sender, error) {
	return receiver.NewWebhook(receiver.WebhookConfig{
		URL: w.URL.toReceiver(), Secrets: []receiver.Secret{w.Secret.toReceiver()}, AllowPrivate: w.AllowPrivate,
	})
}

func (w Webhook) onlyFiring() bool { return !w.SendResolved.On() }

// AlertmanagerWebhook is an HTTP endpoint that understands Alertmanager.
type AlertmanagerWebhook struct {
	// Where messages are posted, https://.
	URL Secret `yaml:"url"`

	// File that holds the URL. Excludes url.
	URLFile string `yaml:"url_file"`

	// Token that authorizes calls. Optional.
	BearerToken Secret `yaml:"bearer_token"`

	// File that holds the token. Excludes bearer_token.
	BearerTokenFile string `yaml:"bearer_token_file"`

	// Whether it is told when a problem is over.
	SendResolved Switch `yaml:"send_resolved"`

	// Allows http:// and addresses that are not public.
	AllowPrivate bool `yaml:"allow_private"`
}

func (w AlertmanagerWebhook) sender(o origin) (Sender, error) {
	return receiver.NewAlertmanagerWebhook(receiver.AlertmanagerWebhookConfig{
		URL: w.URL.toReceiver(), BearerToken: w.BearerToken.toReceiver(), AllowPrivate: w.AllowPrivate,
		Receiver: o.receiver, ExternalURL: o.publicURL,
	})
}

func (w AlertmanagerWebhook) onlyFiring() bool { return !w.SendResolved.On() }

// Alertmanager is a cluster of Alertmanagers.
type Alertmanager struct {
	// Addresses of all its peers, without a load balancer between.
	URLs []Secret `yaml:"urls"`

	// File that holds the addresses, one a line. Excludes urls.
	URLsFile string `yaml:"urls_file"`

	// Token that authorizes calls. Optional.
	BearerToken Secret `yaml:"bearer_token"`

	// File that holds the token. Excludes bearer_token.
	BearerTokenFile string `yaml:"bearer_token_file"`

	// How long a problem stands there at most without another word. At least 1m; 0
	// means 72h.
	EndsAfter time.Duration `yaml:"ends_after"`

	// Whether it is told when a problem is over.
	SendResolved Switch `yaml:"send_resolved"`

	// Allows http:// and addresses that are not public.
	AllowPrivate bool `yaml:"allow_private"`
}

func (a Alertmanager) sender(origin) (Sender, error) {
	cfg := receiver.AlertmanagerConfig{BearerToken: a.BearerToken.toReceiver(), EndsAfter: a.EndsAfter, AllowPrivate: a.AllowPrivate}
	for _, url := range a.URLs {
		cfg.URLs = append(cfg.URLs, url.toReceiver())
	}
	return receiver.NewAlertmanager(cfg)
}

func (a Alertmanager) onlyFiring() bool { return !a.SendResolved.On() }

// Pagerduty is a service of PagerDuty.
type Pagerduty struct {
	// Integration key of the service. Whoever has it can open and close incidents
	// there.
	RoutingKey Secret `yaml:"routing_key"`

	// File that holds the key. Excludes routing_key.
	RoutingKeyFile string `yaml:"routing_key_file"`

	// Where events go. Optional; without it PagerDuty's own address.
	URL string `yaml:"url"`

	// What the incident names as the one who sent it. Optional; without it telltale.
	Client string `yaml:"client"`

	// Where people find that one. Optional.
	ClientURL string `yaml:"client_url"`

	// Whether it is told when a problem is over.
	SendResolved Switch `yaml:"send_resolved"`

	// Allows http:// and addresses that are not public.
	AllowPrivate bool `yaml:"allow_private"`
}

func (p Pagerduty) sender(origin) (Sender, error) {
	return receiver.NewPagerDuty(receiver.PagerDutyConfig{
		RoutingKey: p.RoutingKey.toReceiver(), URL: p.URL, Client: p.Client, ClientURL: p.ClientURL, AllowPrivate: p.AllowPrivate,
	})
}

func (p Pagerduty) onlyFiring() bool { return !p.SendResolved.On() }

// Slack is a channel of Slack. With an app token there is one message for each
// problem, which changes; with api_url every word is a message of its own.
type Slack struct {
	// Token of an app (xoxb-…) that may post to the channel and read it.
	AppToken Secret `yaml:"app_token"`

	// File that holds the token. Excludes app_token.
	AppTokenFile string `yaml:"app_token_file"`

	// Address of chat.postMessage. Optional; without it Slack's own.
	AppURL string `yaml:"app_url"`

	// Address of an incoming webhook. Excludes app_token. Whoever has it can post.
	APIURL Secret `yaml:"api_url"`

	// File that holds that address. Excludes api_url.
	APIURLFile string `yaml:"api_url_file"`

	// The channel, better by its id (C…). Needed with app_token.
	Channel string `yaml:"channel"`

	// Name under which messages appear. Optional.
	Username string `yaml:"username"`

	// Emoji beside them. Optional.
	IconEmoji string `yaml:"icon_emoji"`

	// Picture beside them. Optional.
	IconURL string `yaml:"icon_url"`

	// Whether it is told when a problem is over.
	SendResolved Switch `yaml:"send_resolved"`

	// Allows http:// and addresses that are not public.
	AllowPrivate bool `yaml:"allow_private"`
}

func (s Slack) sender(origin) (Sender, error) {
	switch {
	case s.APIURL == "":
		return receiver.NewSlack(receiver.SlackConfig{
			AppToken: s.AppToken.toReceiver(), AppURL: s.AppURL, Channel: s.Channel,
			Username: s.Username, IconEmoji: s.IconEmoji, IconURL: s.IconURL, AllowPrivate: s.AllowPrivate,
		})
	case s.AppToken != "":
		return nil, fmt.Errorf("slack: app_token excludes api_url")
	default:
		return receiver.NewSlackWebhook(receiver.SlackWebhookConfig{
			APIURL: s.APIURL.toReceiver(), Channel: s.Channel,
			Username: s.Username, IconEmoji: s.IconEmoji, IconURL: s.IconURL, AllowPrivate: s.AllowPrivate,
		})
	}
}

func (s Slack) onlyFiring() bool { return !s.SendResolved.On() }

// MSTeamsV2 is a workflow of Microsoft Teams that posts to a channel.
type MSTeamsV2 struct {
	// Address of the workflow. It carries a signature: whoever has it can post.
	WebhookURL Secret `yaml:"webhook_url"`

	// File that holds the address. Excludes webhook_url.
	WebhookURLFile string `yaml:"webhook_url_file"`

	// Whether it is told when a problem is over.
	SendResolved Switch `yaml:"send_resolved"`

	// Allows http:// and addresses that are not public.
	AllowPrivate bool `yaml:"allow_private"`
}

func (m MSTeamsV2) sender(origin) (Sender, error) {
	return receiver.NewMSTeamsV2(receiver.MSTeamsV2Config{WebhookURL: m.WebhookURL.toReceiver(), AllowPrivate: m.AllowPrivate})
}

func (m MSTeamsV2) onlyFiring() bool { return !m.SendResolved.On() }

// Email is mail to one or more addresses.
type Email struct {
	// Who is written to, with commas between several. They see each other.
	To string `yaml:"to"`

	// Who mails come from, one address.
	From string `yaml:"from"`

	// Mail server, as host:port.
	Smarthost string `yaml:"smarthost"`

	// What we call ourselves to it. Optional; without it localhost.
	Hello string `yaml:"hello"`

	// Account there. Optional.
	AuthUsername string `yaml:"auth_username"`

	// Its password.
	AuthPassword Secret `yaml:"auth_password"`

	// File that holds the password. Excludes auth_password.
	AuthPasswordFile string `yaml:"auth_password_file"`

	// Its secret for CRAM-MD5.
	AuthSecret Secret `yaml:"auth_secret"`

	// File that holds that secret. Excludes auth_secret.
	AuthSecretFile string `yaml:"auth_secret_file"`

	// Who PLAIN acts for. Optional; without it the account.
	AuthIdentity string `yaml:"auth_identity"`

	// Headers of every mail beside our own.
	Headers map[string]string `yaml:"headers"`

	// Whether a server without STARTTLS is refused.
	RequireTLS Switch `yaml:"require_tls"`

	// Whether it is told when a problem is over.
	SendResolved Switch `yaml:"send_resolved"`

	// Allows a server whose address is not public.
	AllowPrivate bool `yaml:"allow_private"`
}

func (e Email) sender(origin) (Sender, error) {
	requireTLS := e.RequireTLS.On()
	return receiver.NewEmail(receiver.EmailConfig{
		To: e.To, From: e.From, Smarthost: e.Smarthost, Hello: e.Hello,
		AuthUsername: e.AuthUsername, AuthPassword: e.AuthPassword.toReceiver(), AuthSecret: e.AuthSecret.toReceiver(),
		AuthIdentity: e.AuthIdentity, Headers: e.Headers, RequireTLS: &requireTLS, AllowPrivate: e.AllowPrivate,
	})
}

func (e Email) onlyFiring() bool { return !e.SendResolved.On() }
