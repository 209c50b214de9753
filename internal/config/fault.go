package config

import "strings"

// Fault is one thing wrong with a configuration.
type Fault struct {
	Where  string // file:line:column, a variable or a flag; "" for a default
	Key    string // dotted, such as server.listen; "" for a fault of the whole file
	Detail string // never quotes a secret
	Hint   string // what to do about it; may be ""
}

// String returns the fault on one line.
func (f Fault) String() string {
	var b strings.Builder
	for _, part := range []string{f.Where, f.Key} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	b.WriteString(f.Detail)
	if f.Hint != "" {
		b.WriteString(" (" + f.Hint + ")")
	}
	return b.String()
}

// Error is everything that is wrong with a configuration, in the order in which
// it was found: the file from top to bottom, then the environment, the flags,
// and what is wrong with the whole.
type Error struct {
	Faults []Fault // never empty
}

// Error returns one line for each fault.
func (e *Error) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// faults collects what is wrong.
type faults []Fault

func (fs *faults) add(key, detail, hint string) {
	*fs = append(*fs, Fault{Key: key, Detail: detail, Hint: hint})
}

// err returns the collection as an error, nil when nothing is wrong.
func (fs faults) err() error {
	if len(fs) == 0 {
		return nil
	}
	return &Error{Faults: fs}
}
