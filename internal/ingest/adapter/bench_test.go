package adapter

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkMap maps the made-up requests of every tool.
func BenchmarkMap(b *testing.B) {
	for _, tool := range tools(b) {
		for _, path := range fixtures(b, tool) {
			b.Run(tool+"/"+strings.TrimSuffix(filepath.Base(path), ".json"), func(b *testing.B) {
				m := toolMapping(b, tool)
				benchmarkRequest(b, m, readFixture(b, path))
			})
		}
	}
}

// benchmarkRequest reports processor time, which other work on the machine
// changes less than a clock's, and what one event of several costs.
func benchmarkRequest(b *testing.B, m *Mapping, r *Request) {
	b.Helper()
	var res *Result
	b.ReportAllocs()
	b.SetBytes(int64(len(r.Body)))
	begun := processorTime(b)
	for b.Loop() {
		var err error
		if res, err = m.Map(r); err != nil {
			b.Fatal(err)
		}
	}
	spent := float64(processorTime(b)-begun) / float64(b.N)
	b.ReportMetric(spent, "cpu-ns/op")
	if n := len(res.Events); n > 1 {
		b.ReportMetric(spent/float64(n), "cpu-ns/event")
		b.ReportMetric(float64(n), "events")
	}
}

// processorTime is what this process has used of all processors.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// hostileBodies are bodies of one size that try what costs most, with one that
// is as tools send them.
func hostileBodies(size int) map[string]string {
	repeat := func(open string, element func(i int) string, end string) string {
		var s strings.Builder
		s.WriteString(open)
		for i := 0; s.Len() < size; i++ {
			if i > 0 {
				s.WriteByte(',')
			}
			s.WriteString(element(i))
		}
		return s.String() + end
	}
	member := func(i int) string { return fmt.Sprintf(`"key_%d":"a value as tools send them, %d"`, i, i) }
	deep := strings.Repeat(`{"a":[`, 31)
	return map[string]string{
		"normal":  repeat(`{"deployment":{"state":"success"},"list":[`, func(i int) string { return "{" + member(i) + "," + member(i+1) + "}" }, "]}"),
		"keys":    repeat("{", member, "}"),
		"deep":    repeat("[", func(int) string { return deep + strings.Repeat("]}", 31) }, "]"),
		"long":    `{"message":"` + strings.Repeat("long text ", size/10) + `"}`,
		"escapes": `{"message":"` + strings.Repeat(`\u00e4\n`, size/8) + `"}`,
		"unicode": `{"message":"` + strings.Repeat("\u6f22\u5b57 ", size/7) + `"}`,
		"names":   repeat("{", func(i int) string { return fmt.Sprintf(`"\u006b%d":0`, i) }, "}"),
		"numbers": repeat("[", func(int) string { return "0" }, "]"),
		"list":    repeat(`{"deployment":[`, func(int) string { return `"elements of a list"` }, "]}"),
	}
}

// BenchmarkHostile maps bodies of one size: none should cost much more than the
// normal one.
func BenchmarkHostile(b *testing.B) {
	m := toolMapping(b, "github")
	for name, body := range hostileBodies(64 << 10) {
		b.Run(name, func(b *testing.B) {
			benchmarkRequest(b, m, toolRequest(b, map[string]string{"X-GitHub-Event": "deployment_status"}, "", []byte(body)))
		})
	}
}
