package obs

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serve runs s until the test or stop ends it; stop returns what Serve did.
func serve(t *testing.T, s *Server) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	return func() error { cancel(); return <-done }
}

func TestServerLetsRequestsFinish(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	s := &Server{Listener: listen(t), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(inside)
		<-goOn
		if err := r.Context().Err(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})}
	stop := serve(t, s)

	status := make(chan int, 1)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		resp, err := client.Get("http://" + s.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		status <- resp.StatusCode
	}()
	<-inside
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for { // until the listener is closed: Serve has seen the end of ctx
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			break
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	close(goOn)
	if got := <-status; got != 200 {
		t.Errorf("the request under way was answered %d, want 200", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Serve returns %v after an orderly end", err)
	}
}

func TestServerCutsOffAfterGrace(t *testing.T) {
	inside := make(chan struct{})
	s := &Server{Listener: listen(t), Grace: time.Millisecond, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done()
	})}
	stop := serve(t, s)
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-inside
	if err := stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Serve returns %v, want that the grace ran out", err)
	}
}

// pipeListener accepts a connection whenever it is asked.
type pipeListener struct{ net.Listener }

func (pipeListener) Accept() (net.Conn, error) {
	near, far := net.Pipe()
	return near, far.Close()
}

func TestListenerHoldsBackOverTheCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimitListener(pipeListener{}, 1)
		first, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		second := make(chan net.Conn, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
			}
			second <- c
		}()
		synctest.Wait()
		select {
		case <-second:
			t.Error("a second connection was accepted beside the first")
		default:
		}
		for range 2 { // a second Close must not give back a second slot
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := (<-second).Close(); err != nil {
			t.Fatal(err)
		}
		if n := len(l.slots); n != 0 {
			t.Errorf("%d slots are taken after all connections have closed", n)
		}
	})
}

func TestServerEndsWhileTheCapIsReached(t *testing.T) {
	l := newLimitListener(listen(t), 1)
	l.slots <- struct{}{}
	accepted := make(chan error, 1)
	go func() { _, err := l.Accept(); accepted <- err }()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept returns %v, want %v", err, net.ErrClosed)
	}
}

func TestServerReportsAListenerThatFails(t *testing.T) {
	l := listen(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := &Server{Listener: l, Handler: http.NotFoundHandler()}
	if err := s.Serve(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve returns %v, want %v", err, net.ErrClosed)
	}
}
