package store

import (
	"slices"
	"strings"
)

// EnvironmentsIn returns the environments that have a slot in a region, sorted.
// It skips from one environment to the next.
func (r *Reader) EnvironmentsIn(region string) ([]string, error) {
	var out []string
	from := []byte{kindSlot}
	for more := true; more; {
		more = false
		env := ""
		err := r.Scan([]byte{kindSlot}, from, func(k, _ []byte) (bool, error) {
			env, _, more = strings.Cut(string(k[1:]), "/")
			return false, nil
		})
		if err != nil || !more {
			return out, err
		}
		prefix := append([]byte{kindSlot}, env+"/"+region+"/"...)
		err = r.Scan(prefix, nil, func(_, _ []byte) (bool, error) {
			out = append(out, env)
			return false, nil
		})
		if err != nil {
			return nil, err
		}
		from = append(append([]byte{kindSlot}, env...), '/'+1) // behind all of its slots
	}
	return slices.Clip(out), nil
}
