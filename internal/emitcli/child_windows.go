package emitcli

import "os"

// forwarded are the signals that are noticed: Windows tells every process on
// the console about Ctrl-C itself.
func forwarded() []os.Signal { return []os.Signal{os.Interrupt} }

// exitStatus returns the code of a process that has ended. Windows ends none by
// a signal.
func exitStatus(p *os.ProcessState) (code int, killed bool) { return p.ExitCode(), false }

// fromTerminal reports that the console has told the command itself.
func fromTerminal(os.Signal) bool { return true }
