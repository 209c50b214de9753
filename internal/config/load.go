package config

import (
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Sources says where a configuration comes from. The zero value is a
// configuration of defaults only.
type Sources struct {
	// Defaults is what holds when nothing else is said. Nil means [Default]. It
	// is not changed.
	Defaults *Config

	// File is the path of a YAML file, read as UTF-8. "" means none.
	File string

	// Getenv looks up variables, as os.Getenv does; a variable that is set to ""
	// counts as not set. Nil means no environment. The variable of a key is
	// TELLTALE_ and the key in upper case with dots as underscores; lists take
	// their elements separated by commas. Keys inside a list of receivers have
	// no variable.
	Getenv func(string) string

	// Flags are the flags that were given.
	Flags []Flag
}

// Flag is a flag that was given on the command line.
type Flag struct {
	Name  string // such as "listen"
	Key   string // the key it sets, such as server.listen
	Value string
}

// Load reads a configuration, resolves the files that hold secrets and
// validates the whole. What is wrong with it is reported together, as an
// [*Error]; a flag for a key that does not exist is a mistake of the caller and
// reported in the same way.
func Load(src Sources) (*Config, error) {
	defaults := src.Defaults
	if defaults == nil {
		defaults = Default()
	}
	c := *defaults
	l := loader{root: reflect.ValueOf(&c).Elem(), origins: make(map[string]string)}
	if src.File != "" {
		l.file(src.File)
	}
	if src.Getenv != nil {
		l.environment(l.root, "", src.Getenv)
	}
	for _, f := range src.Flags {
		l.flag(f)
	}
	l.secrets()
	l.whole(c.Validate())
	if err := l.faults.err(); err != nil {
		return nil, err
	}
	return &c, nil
}

// loader lays sources over each other in one Config.
type loader struct {
	root    reflect.Value     // of the Config
	origins map[string]string // key → where its value came from
	faults  faults
}

// fault notes what is wrong with a key at the place where it was set.
func (l *loader) fault(where, key string, err error) {
	l.faults = append(l.faults, Fault{Where: where, Key: key, Detail: err.Error()})
}

// whole adds what validation found, except about keys that are known to be
// wrong already: they hold another value than the one that was meant.
func (l *loader) whole(err error) {
	var invalid *Error
	if !errors.As(err, &invalid) {
		return
	}
	wrong := make(map[string]bool, len(l.faults))
	for _, f := range l.faults {
		wrong[f.Key] = true
	}
	for _, f := range invalid.Faults {
		if !wrong[f.Key] {
			f.Where = l.origins[f.Key]
			l.faults = append(l.faults, f)
		}
	}
}

// environment sets every key below v whose variable is set.
func (l *loader) environment(v reflect.Value, prefix string, getenv func(string) string) {
	for key, field := range keys(v, prefix) {
		if isSection(field) {
			l.environment(field, key, getenv)
			continue
		}
		if isSections(field.Type()) {
			continue
		}
		name := variableOf(key)
		if text := getenv(name); text != "" {
			l.set(name, key, field, text)
		}
	}
}

// variableOf returns the name of the environment variable that sets a key.
func variableOf(key string) string {
	return "TELLTALE_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func (l *loader) flag(f Flag) {
	v, rest := l.root, f.Key
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ".")
		next, ok := child(v, part)
		if !ok {
			l.fault("--"+f.Name, f.Key, errors.New("there is no such key"))
			return
		}
		v = next
	}
	l.set("--"+f.Name, f.Key, v, f.Value)
}

// set gives a key the value that text stands for. A list takes its elements
// separated by commas.
func (l *loader) set(where, key string, v reflect.Value, text string) {
	l.origins[key] = where
	if v.Kind() != reflect.Slice {
		if err := parse(v, text); err != nil {
			l.fault(where, key, err)
		}
		return
	}
	parts := strings.Split(text, ",")
	list := reflect.MakeSlice(v.Type(), len(parts), len(parts))
	for i, part := range parts {
		if err := parse(list.Index(i), strings.TrimSpace(part)); err != nil {
			l.fault(where, key, err)
			return
		}
	}
	v.Set(list)
}

// parse sets a scalar from its text, wherever that came from.
func parse(v reflect.Value, text string) error {
	switch p := v.Addr().Interface().(type) {
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 10s or 1m30s", text)
		}
		*p = d
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "false":
			v.SetBool(text == "true")
		default:
			return fmt.Errorf("%q is neither true nor false", text)
		}
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(n)
	default:
		return fmt.Errorf("a %s cannot be set from text", v.Kind())
	}
	return nil
}

// secrets reads every x_file beside a secret x into it.
func (l *loader) secrets() {
	eachSecret(l.root, "", func(key string, secret, file reflect.Value) {
		if file.String() != "" {
			l.secret(key, secret, file.String())
		}
	})
}

func (l *loader) secret(key string, field reflect.Value, file string) {
	where, fileKey := l.origins[key+"_file"], key+"_file"
	if field.Len() > 0 {
		l.fault(where, fileKey, fmt.Errorf("excludes %s", key))
		return
	}
	text, err := os.ReadFile(file)
	if err != nil {
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		l.fault(where, fileKey, fmt.Errorf("cannot read %s: %w", file, err))
		return
	}
	value := strings.TrimRight(string(text), "\r\n")
	if value == "" {
		l.fault(where, fileKey, fmt.Errorf("%s is empty", file))
		return
	}
	if field.Kind() == reflect.String {
		field.SetString(value)
		return
	}
	for line := range strings.Lines(value) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			field.Set(reflect.Append(field, reflect.ValueOf(Secret(line))))
		}
	}
}
