package cli

import (
	"context"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run the programs of this package as they would be
// installed, from this binary.
func TestMain(m *testing.M) {
	program := func(main func(context.Context, []string, Env) int) func() {
		return func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			context.AfterFunc(ctx, stop)
			os.Exit(main(ctx, os.Args[1:], OS()))
		}
	}
	testscript.Main(m, map[string]func(){
		"telltale":  program(Main),
		"ingest":    program(Ingest),
		"projector": program(Projector),
		"notifier":  program(Notifier),
	})
}

// serverKey is under which a script keeps its server.
type serverKey struct{}

// TestScripts runs testdata/script: what a person types and what comes back.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// An address that somebody else holds for as long as the script runs.
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Defer(func() {
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
			env.Setenv("TAKEN", l.Addr().String())
			env.Values[serverKey{}] = new(*server)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit": runExit, "begin": startServer, "halt": stopServer, "take": take, "post": post,
		},
	})
}
