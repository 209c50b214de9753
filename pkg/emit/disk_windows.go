package emit

import (
	"errors"
	"fmt"
	"syscall"
)

// errSharingViolation is ERROR_SHARING_VIOLATION of the Windows API.
const errSharingViolation = syscall.Errno(32)

// lock takes the file for this process alone, without waiting: it opens it and
// shares it with nobody. It returns nil and no error when another process has
// it. The lock ends with unlock or with the process, however it ends.
func lock(name string) (unlock func() error, err error) {
	path, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, fmt.Errorf("lock spool: %w", err)
	}
	h, err := syscall.CreateFile(path, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock spool: %w", err)
	}
	return func() error { return syscall.CloseHandle(h) }, nil
}

// syncDir does nothing: Windows has no way to sync a directory, and NTFS logs
// renames itself.
func syncDir(string) error { return nil }
