package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// notRun begins the word of a test that could not be run.
const notRun = "NOT RUN, NOTHING PROVED"

// inMounts runs the test again in a process that may mount what it likes, seen
// by nobody else, and reports whether this is that process. It takes no
// privilege where the kernel lets users have namespaces of their own.
func inMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv(binEnv) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), binEnv+"="+bin)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit), strings.Contains(string(out), notRun):
		t.Skipf("%s: this machine gives no mounts of one's own: %v\n%s", notRun, err, out)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// disk is a file system of a size that can be changed.
type disk struct{ dir string }

func newDisk(t *testing.T) *disk {
	t.Helper()
	d := &disk{t.TempDir()}
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, "size=1g"); err != nil {
		t.Skipf("%s: mount: %v", notRun, err)
	}
	// This runs once the processes that use the disk are stopped, since they are
	// started later.
	t.Cleanup(func() {
		if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return d
}

// remount changes the size of the disk, or what may be done with it.
func (d *disk) remount(t *testing.T, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", d.dir, "tmpfs", syscall.MS_REMOUNT|flags, options); err != nil {
		t.Fatal(err)
	}
}

// used returns how many bytes the disk holds.
func (d *disk) used(t *testing.T) uint64 {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.dir, &st); err != nil {
		t.Fatal(err)
	}
	return (st.Blocks - st.Bfree) * uint64(st.Bsize)
}

// TestFullDisk lets the disk run full under load. Telltale ends with a word
// about it, and with room again it has all that it ever acknowledged.
func TestFullDisk(t *testing.T) {
	if !inMounts(t) {
		return
	}
	bodies := story(t, 1000, time.Now().Add(-time.Hour))
	want := told(t, bodies)
	d := newDisk(t)
	data := filepath.Join(d.dir, "data")
	p := serve(t, data)
	const first = 600
	p.send(t, bodies[:first], 100)
	p.settle(t, first)

	d.remount(t, 0, fmt.Sprint("size=", d.used(t)+64<<10))
	acknowledged := bodies[:first:first]
	for at := first; at < len(bodies) && !p.ended(); at += 20 {
		batch := bodies[at : at+20]
		resp, _, err := p.post(typeBatch, "["+strings.Join(batch, ",")+"]")
		switch {
		case err != nil: // the listener is gone or going
		case resp.StatusCode == 202:
			acknowledged = append(acknowledged, batch...)
		case resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "":
			t.Errorf("the door answers %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
		}
	}
	<-p.done
	if code := p.cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	complaint(t, p.log.String(), "", "free")
	code, _, stderr := attempt(t, "telltale", "serve", "--data-dir", data, "--listen", "127.0.0.1:0")
	if code != 1 {
		t.Errorf("on the full disk it starts, and ends with exit code %d", code)
	}
	complaint(t, stderr, "", "free")

	d.remount(t, 0, "size=1g")
	has := stored(t, data)
	for _, body := range acknowledged {
		if id := idOf(t, []byte(body)); has[id] != 1 {
			t.Errorf("TT_EVENTS holds %s, which was acknowledged, %d times", id, has[id])
		}
	}
	t.Logf("%d of %d events were acknowledged", len(acknowledged), len(bodies))
	p = serve(t, data)
	p.send(t, bodies, 300)
	p.settle(t, uint64(len(bodies))).same(t, "with room again", want)
	p.stop(t)
}

// TestReadOnlyDisk turns the disk read-only under a data directory: root may
// write whatever the mode says, but not there.
func TestReadOnlyDisk(t *testing.T) {
	if !inMounts(t) {
		return
	}
	d := newDisk(t)
	data := filepath.Join(d.dir, "data")
	bodies := story(t, 20, time.Now().Add(-time.Hour))
	p := serve(t, data)
	p.send(t, bodies, 100)
	want := p.settle(t, uint64(len(bodies)))
	p.stop(t)

	d.remount(t, syscall.MS_RDONLY, "")
	code, _, stderr := attempt(t, "telltale", "serve", "--data-dir", data, "--listen", "127.0.0.1:0")
	if code != 1 {
		t.Errorf("exit code %d", code)
	}
	complaint(t, stderr, "read-only file system", "give this user write access")

	d.remount(t, 0, "")
	p = serve(t, data)
	p.settle(t, uint64(len(bodies))).same(t, "writable again", want)
	p.stop(t)
}
