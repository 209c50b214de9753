package stream_test

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
)

// restartable is a server that can be stopped and started over the same store,
// with one connection that outlives it.
type restartable struct {
	cfg    natsd.Config
	server atomic.Pointer[natsd.Server]
	conn   *stream.Conn
}

func newRestartable(t testing.TB) *restartable {
	t.Helper()
	r := &restartable{cfg: natsd.Config{StoreDir: t.TempDir(), RelaxedSync: true}}
	r.server.Store(testkit.Start(t, r.cfg))
	r.conn = testkit.Connect(t, stream.Options{InProcess: r})
	testkit.Ensure(t, r.conn, stream.Settings{AllowSingleReplica: true})
	return r
}

// InProcessConn connects to the server of the moment.
func (r *restartable) InProcessConn() (net.Conn, error) {
	return r.server.Load().InProcess().InProcessConn()
}

func (r *restartable) restart(t testing.TB) {
	t.Helper()
	if err := r.server.Load().Stop(); err != nil {
		t.Fatal(err)
	}
	r.server.Store(testkit.Start(t, r.cfg))
}
