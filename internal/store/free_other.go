//go:build !(linux || darwin || freebsd)

package store

import "math"

// freeBytes does not know on this system: the limit never bites.
func freeBytes(string) (uint64, error) { return math.MaxUint64, nil }
