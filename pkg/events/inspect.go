package events

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// inspect bounds depth, keys and numbers before any parser sees the bytes. It
// does not decide whether raw is JSON; on bytes that are not, its answer does
// not matter.
func inspect(raw []byte, limits Limits) error {
	depth, keys := 0, 0
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case c == '{' || c == '[':
			if depth++; depth > limits.Depth {
				return Errorf(CodeMalformed, "JSON is nested deeper than %d", limits.Depth)
			}
		case c == '}' || c == ']':
			depth--
		case c == ':':
			if keys++; keys > limits.Keys {
				return Errorf(CodeMalformed, "JSON has more than %d keys", limits.Keys)
			}
		case c == '-' || '0' <= c && c <= '9':
			j := i + 1
			for j < len(raw) && strings.IndexByte("0123456789+-.eE", raw[j]) >= 0 {
				j++
			}
			if err := checkNumber(raw[i:j]); err != nil {
				return err
			}
			i = j - 1
		}
	}
	return nil
}

// maxSafeInteger is the greatest integer that every JSON parser keeps exactly.
const maxSafeInteger = 1 << 53

func checkNumber(b []byte) error {
	if len(b) < 16 && bytes.IndexByte(b, 'e') < 0 && bytes.IndexByte(b, 'E') < 0 {
		return nil // too short to be beyond either bound
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsInf(f, 0) {
		return Errorf(CodeMalformed, "a number is beyond a 64-bit float")
	}
	if !bytes.ContainsAny(b, ".eE") {
		if n, err := strconv.ParseInt(string(b), 10, 64); err != nil || n > maxSafeInteger || n < -maxSafeInteger {
			return Errorf(CodeMalformed, "an integer is beyond 2^53")
		}
	}
	return nil
}
