package emitcli

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/pkg/events"
)

// imports runs the verb import alone, as the CLI of which it is part does.
func imports(m *machine, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	env := Env{Stdin: m.in, Stdout: &out, Stderr: &errs, Getenv: func(k string) string { return m.vars[k] }}
	cmd := NewImportCommand(env)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(m.t.Context())
	var exit *ExitError
	if errors.As(err, &exit) {
		code = exit.Code
		errs.WriteString(exit.Error())
	} else if err != nil {
		m.t.Errorf("import: %v", err)
	}
	return code, out.String(), errs.String()
}

// line returns an event as it stands in a file.
func line(id, region, recorded string) string {
	s := `{"specversion":"1.0","id":"` + id + `","source":"/t","type":"` + events.TypeReported + `","subject":"prod/` + region +
		`/checkout/1","time":"2026-01-02T03:04:05Z","data":{"status":"deployed"}`
	if recorded != "" {
		s += `,"recordedtime":"2026-01-02T` + recorded + `Z"`
	}
	return s + "}"
}

func TestImport(t *testing.T) {
	var file strings.Builder
	for n := range 2*importBatch + 1 {
		fmt.Fprintln(&file, line(fmt.Sprint("e", n), "eu", ""))
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := io.WriteString(z, file.String()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	d := newDoor(t)
	m := newMachine(t, d.URL)
	name := filepath.Join(t.TempDir(), "history.json")
	if err := os.WriteFile(name, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := imports(m, name); code != 0 || stdout != "accepted 1001, duplicates 0, quarantined 0\n" {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	if len(d.queries) != 3 || d.queries[0] != "" {
		t.Errorf("requests %q", d.queries)
	}
	if got := d.events(); got[0].ID != "e0" || got[1000].ID != "e1000" {
		t.Errorf("out of order: %s … %s", got[0].ID, got[1000].ID)
	}
	m.in = &packed
	code, stdout, stderr := imports(m, "-", "-o", "json")
	want := `{"lines":1001,"accepted":0,"duplicates":1001,"quarantined":0,"ticks":0,"bad":[]}` + "\n"
	if code != 0 || stdout != want {
		t.Errorf("repeated, packed: exit %d, %s%s", code, stdout, stderr)
	}
}

func TestImportNamesBadLines(t *testing.T) {
	m := newMachine(t, newDoor(t).URL)
	m.in = strings.NewReader(strings.Join([]string{
		line("a", "eu", ""),
		`{"specversion":"1.0"`,
		"",
		line("b", "EU", ""), // the server refuses it
		`{"id":"` + strings.Repeat("x", maxLine) + `"}`,
		line("c", "eu", "")[:20] + "\x00",
		line("d", "eu", ""), // no end of line
	}, "\n"))
	code, stdout, stderr := imports(m, "-")
	if code != 1 || stdout != "accepted 2, duplicates 0, quarantined 1\n" {
		t.Errorf("exit %d, %s", code, stdout)
	}
	for _, want := range []string{"line 2: E_MALFORMED", "line 4: E_BAD_ID", "line 5: E_TOO_LARGE", "line 6: E_MALFORMED", "4 bad lines"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %s", want, stderr)
		}
	}
}

func TestImportStops(t *testing.T) {
	for status, want := range map[int]int{401: 4, 403: 4} {
		d := newDoor(t)
		d.status = status
		m := newMachine(t, d.URL)
		m.in = strings.NewReader(line("a", "eu", "01:00:00"))
		if code, _, stderr := imports(m, "-", "--keep-recorded"); code != want || !strings.Contains(stderr, "stopped at line 1") {
			t.Errorf("status %d: exit %d, %s", status, code, stderr)
		}
	}
	m := newMachine(t, "nats://127.0.0.1:1")
	if code, _, _ := imports(m, "-", "--keep-recorded"); code != 2 {
		t.Errorf("over NATS: exit %d", code)
	}
	if code, _, _ := imports(newMachine(t, nobody), "/nonexistent"); code != 1 {
		t.Errorf("no file: exit %d", code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	i := newMachine(t, nobody)
	i.in = strings.NewReader(line("a", "eu", ""))
	var out bytes.Buffer
	cmd := NewImportCommand(Env{Stdin: i.in, Stdout: &out, Stderr: &out, Getenv: func(k string) string { return i.vars[k] }})
	cmd.SetArgs([]string{"-"})
	var exit *ExitError
	if err := cmd.ExecuteContext(ctx); !errors.As(err, &exit) || exit.Code != 5 {
		t.Errorf("no server: %v", err)
	}
}

// TestImportWritesTheTicksOfThatTime: before and behind each period that has
// events, for the regions heard of until then.
func TestImportWritesTheTicksOfThatTime(t *testing.T) {
	d := newDoor(t)
	m := newMachine(t, d.URL)
	file := strings.Join([]string{
		line("a", "eu", "01:00:03"),
		line("b", "us", "01:00:03"), // the same instant is in order
		line("c", "eu", "01:00:10"), // the next period, right on its boundary
		line("none", "eu", ""),
		line("back", "eu", "00:59:59"),
		line("d", "eu", "02:30:00.5"),
	}, "\n")
	m.in = strings.NewReader(file)
	code, stdout, stderr := imports(m, "-", "--keep-recorded", "--recorder", "old")
	if code != 1 || !strings.Contains(stderr, "line 4: E_SCHEMA") || !strings.Contains(stderr, "line 5: E_CLOCK") {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
	var got []string
	for _, e := range d.events() {
		if e.Recorder != "old" || e.RecordedTime.IsZero() {
			t.Errorf("%s: recorder %q, recorded %v", e.ID, e.Recorder, e.RecordedTime)
		}
		if e.Type != events.TypeTick {
			got = append(got, e.ID)
			continue
		}
		tick := data[events.Tick](t, e)
		got = append(got, e.RecordedTime.Add(time.Nanosecond).Format("15:04:05")+fmt.Sprint(tick.Regions))
	}
	want := "a b 01:00:10[eu us] c 01:00:20[eu us] 02:30:00[eu us] d 02:30:10[eu us]"
	if strings.Join(got, " ") != want {
		t.Errorf("order %s, want %s", strings.Join(got, " "), want)
	}
	if d.queries[0] != "import=true" {
		t.Errorf("query %q", d.queries[0])
	}
	m.in = strings.NewReader(file)
	if _, stdout, _ := imports(m, "-", "--keep-recorded", "--recorder", "old"); stdout != "accepted 0, duplicates 8, quarantined 0\n" {
		t.Errorf("repeated: %s", stdout)
	}
}

// TestTicksOfTheFileCount: an export that holds a recorder's own ticks gets no
// others.
func TestTicksOfTheFileCount(t *testing.T) {
	d := newDoor(t)
	m := newMachine(t, d.URL)
	m.in = strings.NewReader(strings.Join([]string{
		`{"specversion":"1.0","id":"t","source":"/r","type":"` + events.TypeTick + `","subject":"r","recorder":"r",` +
			`"time":"2026-01-02T01:00:00Z","recordedtime":"2026-01-02T01:00:00Z","data":{"regions":["eu"]}}`,
		strings.Replace(line("a", "eu", "01:00:03"), `"source"`, `"recorder":"r","source"`, 1),
		strings.Replace(line("b", "eu", "03:00:03"), `"source"`, `"recorder":"r","source"`, 1),
	}, "\n"))
	code, stdout, stderr := imports(m, "-", "--keep-recorded", "-o", "json")
	if code != 0 || !strings.Contains(stdout, `"accepted":3,"duplicates":0,"quarantined":0,"ticks":0`) {
		t.Errorf("exit %d, %s%s", code, stdout, stderr)
	}
}

func TestBombIsNotUnpacked(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	zeros := make([]byte, 1<<20)
	for range (maxFree >> 20) + 16 {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	err := readLines(&packed, func(int, []byte, bool) error { return nil })
	if !errors.Is(err, errBomb) {
		t.Errorf("read a bomb: %v", err)
	}
}
