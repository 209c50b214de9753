package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// connections of those who send batches: enough that the next 1,000 events wait
// while 1,000 are stored.
const connections = 64

const (
	typeBatch = "application/cloudevents-batch+json"
	typeEvent = "application/cloudevents+json"
)

// post sends bodies over a number of connections, each body once, and returns
// how long that took. Any answer but 202 is an error.
func post(ctx context.Context, url, contentType string, bodies [][]byte, connections int) (time.Duration, error) {
	return each(ctx, url, len(bodies), connections, func(c *door, i int) error { return c.post(contentType, bodies[i]) })
}

// each calls send for the numbers below n, over a number of connections to url,
// and returns how long that took.
func each(ctx context.Context, url string, n, connections int, send func(c *door, i int) error) (time.Duration, error) {
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for range connections {
		g.Go(func() error {
			c, err := dialDoor(ctx, url)
			if err != nil {
				return err
			}
			defer c.close()
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := send(c, i); err != nil {
					return err
				}
			}
		})
	}
	err := g.Wait()
	return time.Since(start), err
}

// door is one keep-alive connection. It speaks just enough HTTP/1.1 to post and
// to read the answer: the load must not weigh more than what is measured.
type door struct {
	host, path string
	tcp        net.Conn
	in         *bufio.Reader
	out, body  []byte      // room for a request, and for a body that is made on the way
	stop       func() bool // of the ctx that ends what is blocked
}

func dialDoor(ctx context.Context, target string) (*door, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	tcp, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	c := &door{host: u.Host, path: u.RequestURI(), tcp: tcp, in: bufio.NewReader(tcp)}
	c.stop = context.AfterFunc(ctx, func() { tcp.Close() })
	return c, nil
}

func (c *door) close() {
	c.stop()
	c.tcp.Close()
}

// post sends one body and waits for its answer.
func (c *door) post(contentType string, body []byte) error {
	return c.send(c.path, "Content-Type: "+contentType+"\r\n", body)
}

// send sends one body to a path, with header lines, and waits for its answer.
func (c *door) send(path, headers string, body []byte) error {
	c.out = fmt.Appendf(c.out[:0], "POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n",
		path, c.host, headers, len(body))
	c.out = append(c.out, body...)
	if _, err := c.tcp.Write(c.out); err != nil {
		return err
	}
	status, err := c.in.ReadString('\n')
	if err != nil {
		return err
	}
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	answer := make([]byte, length)
	if _, err := io.ReadFull(c.in, answer); err != nil {
		return err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 202 ") {
		return fmt.Errorf("the door answers %s: %s", strings.TrimSpace(status), answer)
	}
	return nil
}
