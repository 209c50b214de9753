// Command telltale is the command line of Telltale, and with "serve" and "demo"
// all of it in one process.
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
	os.Exit(cli.Main(ctx, os.Args[1:], cli.OS()))
}
