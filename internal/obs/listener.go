package obs

import (
	"net"
	"sync"
)

// limitListener holds back Accept while max connections are open, so that a
// flood waits in the kernel's queue and not in our memory.
type limitListener struct {
	net.Listener

	slots  chan struct{} // a value for each open connection
	closed chan struct{} // closed by Close, once
	once   sync.Once
}

func newLimitListener(l net.Listener, limit int) *limitListener {
	return &limitListener{Listener: l, slots: make(chan struct{}, limit), closed: make(chan struct{})}
}

// Accept waits for a free slot and then for a connection. It returns
// [net.ErrClosed] when the listener is closed while it waits.
func (l *limitListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitConn{Conn: conn, release: func() { <-l.slots }}, nil
}

// Close stops Accept. Open connections keep their slots until they close.
func (l *limitListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitConn struct {
	net.Conn

	once    sync.Once
	release func()
}

// Close closes the connection and gives its slot back, once however often it
// is called.
func (c *limitConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.release)
	return err
}
