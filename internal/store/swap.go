package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Names beside a store's directory while it is being replaced.
const (
	suffixNew  = ".rebuilding" // unfinished: may be removed
	suffixDone = ".rebuilt"    // complete and closed: will take the place
	suffixOld  = ".old"        // was replaced: may be removed
)

// Fresh removes what an abandoned replacement left beside dir and returns the
// directory in which to build the new one.
func Fresh(dir string) (string, error) {
	for _, suffix := range []string{suffixNew, suffixDone, suffixOld} {
		if err := os.RemoveAll(dir + suffix); err != nil {
			return "", classifyOpen(dir, fmt.Errorf("make room for a new store: %w", err))
		}
	}
	return dir + suffixNew, nil
}

// Swap puts the store that was built in [Fresh] of dir, and closed, in the place
// of dir. Neither may be open.
//
// The rename to ".rebuilt" decides: before it a crash leaves the old store in
// its place, after it [Open] finishes what is left of the swap.
func Swap(dir string) error {
	if err := os.Rename(dir+suffixNew, dir+suffixDone); err != nil {
		return classifyOpen(dir, fmt.Errorf("swap stores: %w", err))
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return classifyOpen(dir, err)
	}
	if err := finishSwap(dir); err != nil {
		return classifyOpen(dir, err)
	}
	return nil
}

func finishSwap(dir string) error {
	_, err := os.Stat(dir + suffixDone)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for a rebuilt store: %w", err)
	}
	if err := os.RemoveAll(dir + suffixOld); err != nil {
		return fmt.Errorf("swap stores: %w", err)
	}
	if err := os.Rename(dir, dir+suffixOld); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("swap stores: %w", err)
	}
	if err := os.Rename(dir+suffixDone, dir); err != nil {
		return fmt.Errorf("swap stores: %w", err)
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.RemoveAll(dir + suffixOld); err != nil {
		return fmt.Errorf("swap stores: %w", err)
	}
	return nil
}

// syncDir makes renames in a directory survive a power cut.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}
