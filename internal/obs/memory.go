package obs

import "runtime/debug"

// How the garbage collector is set for a process that mostly passes bytes on:
// collecting at the default pace costs it a tenth of its processor time. The
// limit keeps a large projection within bounds: near it the collector works
// more.
const (
	gcPercent   = 400
	memoryLimit = 1200 << 20 // bytes
)

// TuneMemory sets the garbage collector for this process. What the environment
// says in GOGC or GOMEMLIMIT is left as it is.
func TuneMemory(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
