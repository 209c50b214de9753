package config

import (
	"reflect"

	"github.com/goccy/go-yaml"
)

// YAML returns c as a configuration file that says the same. A secret that came
// from a file is named by its file; any other stands as "<secret>".
func (c *Config) YAML() ([]byte, error) {
	shown := *c
	cloneSections(reflect.ValueOf(&shown).Elem())
	eachSecret(reflect.ValueOf(&shown).Elem(), "", func(_ string, secret, file reflect.Value) {
		if file.String() != "" {
			secret.SetZero()
		}
	})
	return yaml.MarshalWithOptions(&shown, yaml.IndentSequence(true))
}

// cloneSections gives v lists of sections of its own, at any depth.
func cloneSections(v reflect.Value) {
	for _, field := range keys(v, "") {
		switch {
		case isSection(field):
			cloneSections(field)
		case isSections(field.Type()):
			list := reflect.MakeSlice(field.Type(), field.Len(), field.Len())
			reflect.Copy(list, field)
			field.Set(list)
			for i := range list.Len() {
				cloneSections(list.Index(i))
			}
		}
	}
}
