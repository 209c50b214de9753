//go:build unix

package emitcli

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// forwarded are the signals that are passed on to the command.
func forwarded() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
}

// exitStatus returns the code that a shell would give for a process that has
// ended, and whether a signal ended it.
func exitStatus(p *os.ProcessState) (code int, killed bool) {
	if ws, ok := p.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), true
	}
	return p.ExitCode(), false
}

// fromTerminal reports whether sig is the terminal's Ctrl-C: then it went to
// the whole foreground group, the command included, and a second one would tell
// tools such as Terraform to give up without tidying. The kernel does not say
// who sent a signal in a way that Go hands on, so that we are in the foreground
// has to do.
func fromTerminal(sig os.Signal) bool {
	if sig != syscall.SIGINT {
		return false
	}
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false // no terminal: a CI runner
	}
	defer tty.Close() // read-only, nothing to lose
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
