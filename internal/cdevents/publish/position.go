package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// position is how far a life of TT_CHANGES was told.
type position struct {
	incarnation string
	seq         uint64
}

// readPosition reads the file of a position; found is false when there is none.
func readPosition(path string) (p position, found bool, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return position{}, false, nil
	}
	if err != nil {
		return position{}, false, fmt.Errorf("read the position of the CDEvents: %w", err)
	}
	if _, err := fmt.Sscanf(string(raw), "%s %d\n", &p.incarnation, &p.seq); err != nil {
		return position{}, false, fmt.Errorf("the position in %s is damaged: delete it to go on with what changes from now on", path)
	}
	return p, true, nil
}

// write puts the position in the place of the one before: a crash leaves either,
// and the older one has changes sent again.
func (p position) write(path string) (err error) {
	next, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write the position of the CDEvents: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write the position of the CDEvents: %w", err), os.Remove(next.Name()))
		}
	}()
	if _, err := fmt.Fprintf(next, "%s %d\n", p.incarnation, p.seq); err != nil {
		return errors.Join(err, next.Close())
	}
	if err := errors.Join(next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
