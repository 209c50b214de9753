package emitcli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// maxLine is the longest line that is read, in bytes: an event of the greatest
// size with what ingest stamps, written out at length.
const maxLine = 66 << 10

// What a gzip file may unpack to: events of a real history pack about twenty to
// one, a bomb a thousand to one. The first maxFree bytes are not held against it.
const (
	maxRatio = 200
	maxFree  = 16 << 20
)

var errBomb = errors.New("the file unpacks to more than 200 times its size")

// readLines calls take for each line of r that is not blank, numbered from 1,
// without its end. raw is valid during the call; of a line over maxLine only
// tooLong is told. It unpacks gzip, which it knows by its first bytes.
func readLines(r io.Reader, take func(line int, raw []byte, tooLong bool) error) error {
	packed := &counter{r: r}
	in := bufio.NewReaderSize(packed, maxLine)
	if head, err := in.Peek(2); err == nil && head[0] == 0x1f && head[1] == 0x8b {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("read gzip: %w", err)
		}
		in = bufio.NewReaderSize(&bounded{counter{r: unpacked}, packed}, maxLine)
	}
	tooLong := false
	for line := 1; ; {
		raw, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			tooLong = true // the rest of the line follows in more slices
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("read line %d: %w", line, err)
		}
		if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 || tooLong {
			if err := take(line, trimmed, tooLong); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
		line, tooLong = line+1, false
	}
}

// counter counts the bytes that come through.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// bounded ends with an error when much more comes out than went in.
type bounded struct {
	counter
	packed *counter
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.n > maxFree && b.n > maxRatio*b.packed.n {
		return 0, errBomb
	}
	return b.counter.Read(p)
}
