package e2e

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// complaint wants what a binary says as it gives up to be one sentence, and what
// to do about it, without a trace of its inside. stderr may hold log lines too.
func complaint(t testing.TB, stderr, about, hint string) {
	t.Helper()
	said := slices.DeleteFunc(strings.Split(strings.TrimSpace(stderr), "\n"), func(line string) bool {
		return strings.HasPrefix(line, "{") || strings.HasPrefix(line, "exit: ")
	})
	text := strings.Join(said, "\n")
	short := len(said) == 1 || len(said) == 2 && strings.HasPrefix(said[1], "hint: ")
	if !short || !strings.HasPrefix(text, "telltale: ") || !strings.Contains(text, about) || !strings.Contains(text, hint) {
		t.Errorf("it says\n%s\nwant one sentence about %q and the hint %q", text, about, hint)
	}
}

func TestFaultsAtTheStart(t *testing.T) {
	running := t.TempDir()
	serve(t, running)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name        string
		args        []string
		about, hint string
	}{
		{"the port is taken", []string{"--data-dir", t.TempDir(), "--listen", taken.Addr().String()}, "address already in use", "--listen"},
		{"the NATS port is taken", []string{"--data-dir", t.TempDir(), "--nats-listen", taken.Addr().String()}, "address already in use", "--nats-listen"},
		{"the data directory is in use", []string{"--data-dir", running}, "is in use by another process", "choose another --data-dir"},
		{"the data directory is a file", []string{"--data-dir", file}, "not a directory", "choose another --data-dir"},
		// Not even root can make a directory here.
		{"the data directory cannot be made", []string{"--data-dir", "/sys/telltale"}, "mkdir /sys/telltale: ", "give this user write access"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := attempt(t, "telltale", append([]string{"serve", "--listen", "127.0.0.1:0"}, tc.args...)...)
			if code != 1 || stdout != "" {
				t.Errorf("exit code %d, stdout %q", code, stdout)
			}
			complaint(t, stderr, tc.about, tc.hint)
		})
	}
}

// TestDamagedStore damages the projector's store in one way after the other. It
// is a cache: a rebuild brings back everything that was acknowledged.
func TestDamagedStore(t *testing.T) {
	dir := t.TempDir()
	bodies := story(t, 300, time.Now().Add(-time.Hour))
	p := serve(t, dir)
	p.send(t, bodies, 300)
	want := p.settle(t, uint64(len(bodies)))
	p.stop(t)

	table := func(t *testing.T) string {
		t.Helper()
		names, err := filepath.Glob(filepath.Join(dir, "projector", "*.sst"))
		if err != nil || len(names) == 0 {
			t.Fatalf("tables: %v, %v", names, err)
		}
		return names[0]
	}
	manifest := func(*testing.T) string { return filepath.Join(dir, "projector", "MANIFEST") }
	for _, tc := range []struct {
		name   string
		file   func(*testing.T) string
		damage func([]byte) []byte
	}{
		{"MANIFEST is no manifest", manifest, func([]byte) []byte { return []byte("no manifest") }},
		{"MANIFEST is empty", manifest, func([]byte) []byte { return nil }},
		{"a table is cut short", table, func(b []byte) []byte { return b[:len(b)/2] }},
		{"a table is empty", table, func([]byte) []byte { return nil }},
		{"bytes of a table's index flipped", table, func(b []byte) []byte { return flip(b, len(b)-200, 100) }},
		{"bytes of a table's rows flipped", table, func(b []byte) []byte { return flip(b, 0, len(b)/2) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := tc.file(t)
			sound, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, tc.damage(sound), 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, stderr := attempt(t, "telltale", "serve", "--data-dir", dir, "--listen", "127.0.0.1:0")
			if code != 1 {
				t.Errorf("exit code %d", code)
			}
			complaint(t, stderr, "projector is damaged", "run `telltale rebuild`")
			run(t, "telltale", "rebuild", "--data-dir", dir)
			p := serve(t, dir)
			p.settle(t, uint64(len(bodies))).same(t, "rebuilt", want)
			p.stop(t)
		})
	}
}

// flip returns b with n bytes from at on turned over.
func flip(b []byte, at, n int) []byte {
	b = slices.Clone(b)
	for i := range b[at : at+n] {
		b[at+i] ^= 0xff
	}
	return b
}

// TestFullStore gives the streams less room than there is to say. The door asks
// to come back later, and loses nothing of what it has taken.
func TestFullStore(t *testing.T) {
	dir := t.TempDir()
	bodies := story(t, 1000, time.Now().Add(-time.Hour))
	want := told(t, bodies)
	serve(t, dir).stop(t) // streams that reserve room are not made without it
	t.Setenv("TELLTALE_NATS_MAX_STORE_BYTES", "1MiB")
	p := serve(t, dir)
	var acknowledged []string
	for left := bodies; ; left = left[50:] {
		if len(left) < 50 {
			t.Fatal("the store never was full")
		}
		resp, text, err := p.post(typeBatch, "["+strings.Join(left[:50], ",")+"]")
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == 202 {
			acknowledged = append(acknowledged, left[:50]...)
			continue
		}
		if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || !strings.Contains(text, `"E_UNAVAILABLE"`) {
			t.Errorf("the door answers %s %s, Retry-After %q", resp.Status, text, resp.Header.Get("Retry-After"))
		}
		break
	}
	p.stop(t)
	has := stored(t, dir)
	for _, body := range acknowledged {
		if id := idOf(t, []byte(body)); has[id] != 1 {
			t.Errorf("TT_EVENTS holds %s, which was acknowledged, %d times", id, has[id])
		}
	}
	t.Logf("%d of %d events were acknowledged", len(acknowledged), len(bodies))

	t.Setenv("TELLTALE_NATS_MAX_STORE_BYTES", "0")
	p = serve(t, dir)
	p.send(t, bodies, 300)
	p.settle(t, uint64(len(bodies))).same(t, "with more room", want)
	p.stop(t)
}
