package config

import (
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
)

// YAML returns c as a configuration file that says the same. A secret that came
// from a file is named by its file; any other stands as "<secret>".
func (c *Config) YAML() ([]byte, error) {
	shown := *c
	shown.Notifier.Receivers = slices.Clone(c.Notifier.Receivers)
	for i, r := range shown.Notifier.Receivers {
		shown.Notifier.Receivers[i].WebhookConfigs = slices.Clone(r.WebhookConfigs)
	}
	eachSecret(reflect.ValueOf(&shown).Elem(), "", func(_ string, secret, file reflect.Value) {
		if file.String() != "" {
			secret.SetString("")
		}
	})
	return yaml.MarshalWithOptions(&shown, yaml.IndentSequence(true))
}
