package view

import (
	"cmp"
	"strings"

	"golang.org/x/mod/semver"
)

// CompareVersions orders two versions by what they look like: as SemVer, or as
// (dotted) numbers under an equal prefix. A leading "v" before a digit is no
// prefix. ok is false when their looks say nothing: then, in a slot, the one
// heard of first is the older. Versions that SemVer calls equal but that were
// built differently ("1.0.0+a", "1.0.0+b") have no order either. An absent
// version equals nothing.
func CompareVersions(a, b string) (order int, ok bool) {
	a, b = trimV(a), trimV(b)
	switch {
	case a == "" || b == "":
		return 0, false
	case a == b:
		return 0, true
	}
	va, vb := "v"+a, "v"+b
	if semver.IsValid(va) && semver.IsValid(vb) {
		order = semver.Compare(va, vb)
		return order, order != 0 || semver.Build(va) == semver.Build(vb)
	}
	prefixA, numbersA := cutNumbers(a)
	prefixB, numbersB := cutNumbers(b)
	if prefixA != prefixB || numbersA == "" || numbersB == "" {
		return 0, false
	}
	return compareDotted(numbersA, numbersB), true
}

// canonicalVersion is one text for all spellings of a version; s itself where it
// is that.
func canonicalVersion(s string) string {
	s = trimV(s)
	v := "v" + s
	if !semver.IsValid(v) {
		return s
	}
	if c := semver.Canonical(v) + semver.Build(v); c != v {
		return c[1:]
	}
	return s
}

func trimV(s string) string {
	if len(s) > 1 && s[0] == 'v' && isDigit(s[1]) {
		return s[1:]
	}
	return s
}

// cutNumbers splits the run of digits and dots off the end of s.
func cutNumbers(s string) (prefix, numbers string) {
	i := len(s)
	for i > 0 && (isDigit(s[i-1]) || s[i-1] == '.') {
		i--
	}
	for i < len(s) && s[i] == '.' {
		i++
	}
	return s[:i], s[i:]
}

func compareDotted(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		if c := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); c != 0 {
			return c
		}
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
