package glob

import "testing"

func TestMatch(t *testing.T) {
	for _, tc := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"a*", "a/b", true},
		{"*b", "a/b", true},
		{"a*c*e", "abcde", true},
		{"a*c*e", "abcd", false},
		{"a**", "a", true},
		{"a", "ab", false},
		{"ab", "a", false},
		{"*ab", "aab", true},
	} {
		if got := Match(tc.pattern, tc.s); got != tc.want {
			t.Errorf("%q matches %q: %v", tc.pattern, tc.s, got)
		}
	}
}
