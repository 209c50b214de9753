package emit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names inside the spool directory.
const (
	sentDir   = "sent"
	lockFile  = "lock"
	waiting   = ".json"
	damaged   = ".bad"
	unwritten = ".tmp" // being written; left behind only by a crash
)

// What accepted events are kept for: a pipeline step that is repeated within
// sentAge. At most sentEvents are kept.
const (
	sentEvents = 256
	sentAge    = 7 * 24 * time.Hour
)

// spool is the directory described in the package comment. It has no state in
// memory but its bounds: several processes share one directory, and what one of
// them knew is gone when it crashes.
type spool struct {
	dir       string
	maxBytes  int64
	maxEvents int

	// fault is asked before and after every step that touches the disk and may
	// refuse to go on, as a crash would. nil outside tests.
	fault func(point string) error
}

func openSpool(dir string, maxBytes int64, maxEvents int) (*spool, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, sentDir), 0o700); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	return &spool{
		dir:       dir,
		maxBytes:  cmp.Or(maxBytes, 64<<20),
		maxEvents: cmp.Or(maxEvents, 10_000),
	}, nil
}

// entry is one event on its way. name is its file in the spool, "" when it is
// in memory only.
type entry struct {
	name     string
	identity string
	raw      []byte
}

// identityOf names an event's (source, id) within the spool.
func identityOf(source, id string) string {
	sum := sha256.Sum256([]byte(source + "\x00" + id))
	return hex.EncodeToString(sum[:8])
}

func checksum(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

// put makes raw durable under its identity and returns the entry. If an event
// of that identity waits already or was accepted lately, that one is returned
// in its place: a repeated step then says the same bytes again, and not the
// same identity with another time.
func (s *spool) put(identity string, raw []byte, now time.Time) (entry, error) {
	names, size, err := s.list()
	if err != nil {
		return entry{}, err
	}
	for _, name := range names {
		if identityIn(name) == identity {
			if e, err := s.read(name); err == nil {
				return e, nil
			}
		}
	}
	if sent, err := os.ReadFile(filepath.Join(s.dir, sentDir, identity+waiting)); err == nil {
		raw = sent
	}
	if len(names) >= s.maxEvents || size+int64(len(raw)) > s.maxBytes {
		return entry{}, ErrSpoolFull
	}
	e := entry{
		name:     fmt.Sprintf("%020d-%s-%s%s", now.UnixNano(), identity, checksum(raw), waiting),
		identity: identity,
		raw:      raw,
	}
	return e, s.write(e)
}

// write makes e durable: written aside and synced, renamed, the directory
// synced. A crash before the rename leaves a file that nobody reads and sweep
// removes; after it, a whole event that goes out with the next flush.
func (s *spool) write(e entry) error {
	var f *os.File
	err := s.step("create", func() (err error) {
		f, err = os.CreateTemp(s.dir, "event-*"+unwritten)
		return err
	})
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	err = s.step("write", func() error { _, err := f.Write(e.raw); return err })
	if err == nil {
		err = s.step("sync", f.Sync)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.step("rename", func() error { return os.Rename(f.Name(), s.path(e.name)) })
	}
	if err != nil {
		// A full disk must not fill up with halves.
		clean := s.step("clean", func() error { return os.Remove(f.Name()) })
		return fmt.Errorf("spool: %w", errors.Join(err, clean))
	}
	err = s.step("sync directory", func() error { return syncDir(s.dir) })
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// read returns a waiting event, checked against the checksum in its name.
func (s *spool) read(name string) (entry, error) {
	raw, err := os.ReadFile(s.path(name))
	if err != nil {
		return entry{}, err
	}
	if sum := strings.TrimSuffix(name[strings.LastIndexByte(name, '-')+1:], waiting); sum != checksum(raw) {
		return entry{}, errDamaged
	}
	return entry{name: name, identity: identityIn(name), raw: raw}, nil
}

var errDamaged = errors.New("the file is damaged")

// accepted moves an event out of the way. It is not synced: if a crash brings
// the file back, the event goes out once more as a duplicate. That another
// process has settled it before is no error.
func (s *spool) accepted(e entry) error {
	return s.settle("accept", e.name, filepath.Join(sentDir, e.identity+waiting))
}

// setAside keeps a file that will never go out for people to look at.
func (s *spool) setAside(name string) error {
	return s.settle("set aside", name, name+damaged)
}

func (s *spool) settle(step, from, to string) error {
	err := s.step(step, func() error { return os.Rename(s.path(from), s.path(to)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// drop forgets an event that was not sent.
func (s *spool) drop(e entry) error {
	err := s.step("drop", func() error { return os.Remove(s.path(e.name)) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// list returns the names of what waits, oldest first, and its size in bytes.
func (s *spool) list() (names []string, size int64, err error) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, 0, fmt.Errorf("read spool: %w", err)
	}
	for _, f := range files {
		if identityIn(f.Name()) == "" {
			continue
		}
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // settled by another process in between
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read spool: %w", err)
		}
		names = append(names, f.Name())
		size += info.Size()
	}
	return names, size, nil // ReadDir sorts, and names begin with their time
}

// sweep removes what only makes the directory grow: files of crashed writers
// and accepted events that are too old or too many. The caller holds the lock.
func (s *spool) sweep(now time.Time) error {
	var errs []error
	remove := func(name string) {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	aside, err := filepath.Glob(filepath.Join(s.dir, "*"+unwritten))
	errs = append(errs, err)
	for _, name := range aside {
		if info, err := os.Stat(name); err == nil && now.Sub(info.ModTime()) > time.Hour {
			remove(name)
		}
	}
	sent, err := os.ReadDir(filepath.Join(s.dir, sentDir))
	errs = append(errs, err)
	type aged struct {
		name string
		at   time.Time
	}
	kept := make([]aged, 0, len(sent))
	for _, f := range sent {
		if info, err := f.Info(); err == nil {
			kept = append(kept, aged{filepath.Join(s.dir, sentDir, f.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(kept, func(a, b aged) int { return b.at.Compare(a.at) })
	for i, f := range kept {
		if i >= sentEvents || now.Sub(f.at) > sentAge {
			remove(f.name)
		}
	}
	return errors.Join(errs...)
}

func (s *spool) path(name string) string { return filepath.Join(s.dir, name) }

func (s *spool) step(name string, do func() error) error {
	if s.fault == nil {
		return do()
	}
	if err := s.fault("before " + name); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return s.fault("after " + name)
}

// identityIn returns the identity in the name of a waiting event, "" for every
// other name.
func identityIn(name string) string {
	stem, ok := strings.CutSuffix(name, waiting)
	parts := strings.Split(stem, "-")
	if !ok || len(parts) != 3 || len(parts[0]) != 20 || len(parts[1]) != 16 || len(parts[2]) != 16 {
		return ""
	}
	if _, err := strconv.ParseUint(parts[0], 10, 64); err != nil {
		return ""
	}
	return parts[1]
}
