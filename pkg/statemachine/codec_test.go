package statemachine

import (
	"fmt"
	"testing"

	"github.com/telltale-dev/telltale/pkg/events"
)

// usualWords are those of an usual deployment: planned, in_progress, deployed,
// by one pipeline that says all it knows.
func usualWords() []Word {
	words := make([]Word, 3)
	for i, status := range []string{StatusPlanned, StatusInProgress, StatusDeployed} {
		tau := t0.UnixNano() + int64(i)*61_234e6
		words[i] = Word{
			Mark: events.Mark{
				Source: "/github/acme/checkout/deploy", ID: fmt.Sprintf("checkout-2.14.0-%s-1-4711", status),
				Tau: tau, Sequence: events.Sequence(fmt.Sprint(4711 + i)),
			},
			Kind: KindReported, Status: status, Percent: -1, Recorded: tau + 123456789, Stream: uint64(100 + i), Hash: "0123456789abcdef0123456789abcdef",
			Emitter: "ci", Version: "2.14.0", Release: "2026.47", Owner: "team-checkout", URL: "https://ci.example.com/runs/4711", Actor: "github:12345",
			Refs: []string{"git:org/app@0123456789abcdef", "run:github/4711.2"}, Labels: []Label{{"job", "Deploy Checkout"}},
		}
	}
	return words
}

// Every event writes a state, so its bytes are counted.
func TestStateIsSmall(t *testing.T) {
	words := usualWords()
	s, _ := Standard().Fold(key2, words)
	if n := len(s.AppendBinary(nil)); n > 320 {
		t.Errorf("a state of three words has %d bytes", n)
	}
	if n := len(words[0].AppendBinary(nil)); n > 290 {
		t.Errorf("a word has %d bytes", n)
	}
}

func BenchmarkAppendDigested(b *testing.B) {
	s, _ := Standard().Fold(key2, usualWords())
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = s.AppendDigested(buf[:0])
	}
}

func BenchmarkDecodeState(b *testing.B) {
	s, _ := Standard().Fold(key2, usualWords())
	buf := s.AppendBinary(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeState(buf); err != nil {
			b.Fatal(err)
		}
	}
}
