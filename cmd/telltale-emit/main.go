// Command telltale-emit says from a pipeline what happens to a deployment. It
// is the small static binary with the verbs emit, run and flush of telltale.
package main

import (
	"context"
	"os"

	"github.com/telltale-dev/telltale/internal/emitcli"
)

func main() {
	env := emitcli.Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
	os.Exit(emitcli.Main(context.Background(), os.Args[1:], env))
}
