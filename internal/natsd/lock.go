package natsd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// lockName is the file in the store directory that its one server holds.
const lockName = "telltale.lock"

var errHeld = errors.New("the lock is held")

// dirLock keeps a second server out of a store directory: two servers over the
// same files would overwrite each other's blocks. The operating system drops it
// when the process ends, however it ends.
type dirLock struct {
	mu   sync.Mutex
	file *os.File // nil once released
}

// lockStore creates the directory when needed, takes its lock, and writes a
// byte, so that a read-only or full disk is told in our words.
func lockStore(dir string) (*dirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, classify("create the store directory", dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, classify("open the store directory", dir, err)
	}
	if err := flock(f); err != nil {
		err = errors.Join(err, f.Close())
		if errors.Is(err, errHeld) {
			return nil, &Error{
				Kind: KindInUse, Op: "open the store directory", Err: fmt.Errorf("%s is in use by another process", dir),
				Hint: "stop the other telltale, connect to it with --nats-url, or choose another --data-dir",
			}
		}
		return nil, classify("lock the store directory", dir, err)
	}
	if _, err := f.WriteAt([]byte{'\n'}, 0); err != nil {
		return nil, classify("write to the store directory", dir, errors.Join(err, f.Close()))
	}
	return &dirLock{file: f}, nil
}

func (l *dirLock) release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	return f.Close() // closing drops the lock
}
