// Command notifier is one role of Telltale as a process of its own, against a NATS
// server outside.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/telltale-dev/telltale/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(cli.Notifier(ctx, os.Args[1:], cli.OS()))
}
