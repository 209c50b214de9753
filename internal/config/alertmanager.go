package config

import (
	"errors"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"

	"github.com/telltale-dev/telltale/internal/notifier/routing"
)

// notUsed returns the keys that a file of Alertmanager's may have where a section
// stands, and that mean nothing here.
func notUsed(section reflect.Type) []string {
	switch section {
	case reflect.TypeFor[Notifier]():
		return []string{"global", "templates", "tracing", "event_recorder"}
	case reflect.TypeFor[routing.Route]():
		return []string{"labels"}
	case reflect.TypeFor[Receiver]():
		return []string{
			"labels", "discord_configs", "incidentio_configs", "mattermost_configs", "msteams_configs", "pushover_configs", "rocketchat_configs", "sns_configs", "telegram_configs", "victorops_configs",
			"webex_configs", "wechat_configs",
		}
	case reflect.TypeFor[Pagerduty]():
		return []string{"service_key", "service_key_file", "description", "severity", "details", "images", "links", "source", "component", "group", "class", "http_config", "timeout"}
	case reflect.TypeFor[Slack]():
		return []string{
			"app_token_url", "color", "title", "title_link", "pretext", "text", "fields", "short_fields", "footer", "fallback",
			"callback_id", "image_url", "thumb_url", "link_names", "mrkdwn_in", "actions", "http_config", "timeout", "message_text",
		}
	case reflect.TypeFor[MSTeamsV2]():
		return []string{"title", "text", "http_config"}
	case reflect.TypeFor[Opsgenie]():
		return []string{"message", "description", "update_alerts", "http_config"}
	case reflect.TypeFor[Jira]():
		return []string{"summary", "description", "reopen_transition", "wont_fix_resolution", "reopen_duration", "http_config"}
	case reflect.TypeFor[Email]():
		return []string{"html", "text", "tls_config", "threading", "force_implicit_tls"}
	case reflect.TypeFor[Webhook](), reflect.TypeFor[AlertmanagerWebhook]():
		return []string{"http_config", "max_alerts", "timeout", "payload"}
	default:
		return nil
	}
}

// ourName returns what a key of Alertmanager's is called here.
func ourName(section reflect.Type, name string) string {
	switch {
	case section == reflect.TypeFor[Receiver]() && name == "webhook_configs":
		return "alertmanager_webhook_configs"
	case section == reflect.TypeFor[Notifier]() && name == "mute_time_intervals": // as it was called once
		return "time_intervals"
	default:
		return name
	}
}

// noSuchKey says what is wrong with a key that a section does not have.
func noSuchKey(section reflect.Value, name string) (detail, hint string) {
	if slices.Contains(notUsed(section.Type()), name) {
		return "is Alertmanager's, and not used here", "leave it out"
	}
	return "there is no such key", "there are " + names(section)
}

// ImportAlertmanager reads the configuration of an Alertmanager, named name in
// what is said of it. It returns what of it can be used, and each key that is not
// used, as a fault with its place. It fails with an [*Error] on what is no such
// file, and on routes that Alertmanager would refuse.
//
// What Alertmanager calls webhook_configs is alertmanager_webhook_configs here,
// and mute_time_intervals beside its route, an older name, time_intervals.
// The settings of receivers are taken as they are: whether they are complete
// [Load] finds out.
func ImportAlertmanager(name string, raw []byte) (n Notifier, unused []Fault, err error) {
	l := loader{root: reflect.ValueOf(&n).Elem(), origins: make(map[string]string)}
	f := fileReader{loader: &l, name: name, foreign: true}
	f.document(raw)
	tree, err := routing.New(n.Routing())
	var wrong *routing.Error
	switch {
	case tree == nil && err == nil && len(l.faults) == 0:
		l.fault(name, "", errors.New("has no route: it is no configuration of an Alertmanager"))
	case errors.As(err, &wrong):
		var fs faults
		for _, fault := range wrong.Faults {
			fs.add(fault.Key, fault.Detail, fault.Hint)
		}
		l.whole(fs.err())
	}
	if err := l.faults.err(); err != nil {
		return Notifier{}, nil, err
	}
	return n, f.unused, nil
}

// YAML returns n as the part of a configuration file that says the same, without
// what is not said. Secrets stand as "<secret>".
func (n *Notifier) YAML() ([]byte, error) {
	part := struct {
		Notifier *Notifier `yaml:"notifier"`
	}{n}
	return yaml.MarshalWithOptions(part, yaml.IndentSequence(true), yaml.OmitEmpty())
}
