//go:build unix

package natsd

import (
	"errors"
	"os"
	"syscall"
)

// flock takes an exclusive lock without waiting; errHeld when another has it.
func flock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errHeld
	}
	return err
}
