package config

import (
	"fmt"
	"iter"
	"reflect"
	"strings"
)

// keys yields the keys of a section in their order, each with the field that
// holds its value.
func keys(section reflect.Value, prefix string) iter.Seq2[string, reflect.Value] {
	return func(yield func(string, reflect.Value) bool) {
		for i := range section.NumField() {
			key := section.Type().Field(i).Tag.Get("yaml")
			if prefix != "" {
				key = prefix + "." + key
			}
			if !yield(key, section.Field(i)) {
				return
			}
		}
	}
}

// child returns the field of a section that holds the value of name.
func child(section reflect.Value, name string) (reflect.Value, bool) {
	if !isSection(section) {
		return reflect.Value{}, false
	}
	for key, field := range keys(section, "") {
		if key == name {
			return field, true
		}
	}
	return reflect.Value{}, false
}

// isSection reports whether v holds keys and is no value itself.
func isSection(v reflect.Value) bool { return v.Kind() == reflect.Struct }

// isSections reports whether t is a list of sections.
func isSections(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// eachSecret calls fn for every secret, or list of secrets, x below v, with its
// x_file.
func eachSecret(v reflect.Value, prefix string, fn func(key string, secret, file reflect.Value)) {
	for key, field := range keys(v, prefix) {
		switch {
		case isSection(field):
			eachSecret(field, key, fn)
		case isSections(field.Type()):
			for i := range field.Len() {
				eachSecret(field.Index(i), fmt.Sprintf("%s[%d]", key, i), fn)
			}
		case field.Type() == reflect.TypeFor[Secret](), field.Type() == reflect.TypeFor[[]Secret]():
			if file, ok := child(v, key[strings.LastIndexByte(key, '.')+1:]+"_file"); ok {
				fn(key, field, file)
			}
		}
	}
}
