package demo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	requestTimeout = 10 * time.Second
	maxAnswer      = 4 << 20 // bytes
	pollEvery      = 20 * time.Millisecond
)

// api asks a server what it knows, as anybody can.
type api struct {
	base   string // URL without a slash at its end
	client http.Client
}

func newAPI(base string) *api {
	return &api{base: base, client: http.Client{
		Timeout:   requestTimeout,
		Transport: &http.Transport{MaxIdleConnsPerHost: 2},
	}}
}

func (a *api) close() { a.client.CloseIdleConnections() }

// get reads the JSON document at path into v.
func (a *api) get(ctx context.Context, path string, query url.Values, v any) error {
	body, err := a.read(ctx, path, query)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func (a *api) read(ctx context.Context, path string, query url.Values) ([]byte, error) {
	address := a.base + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s: %s", path, resp.Status, bytes.TrimSpace(body))
	}
	return body, nil
}

// metrics returns the sum of each metric over its labels.
func (a *api) metrics(ctx context.Context) (map[string]float64, error) {
	body, err := a.read(ctx, "/metrics", nil)
	if err != nil {
		return nil, err
	}
	return parseMetrics(body)
}

// parseMetrics reads the text format of Prometheus as far as sums need it: each
// line is a name, perhaps labels in braces, and a value.
func parseMetrics(text []byte) (map[string]float64, error) {
	sums := make(map[string]float64)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		end := strings.LastIndexByte(line, ' ')
		if end < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("read a metric: %w", err)
		}
		name, _, _ := strings.Cut(line[:end], "{")
		sums[name] += value
	}
	return sums, nil
}

// await calls met until it returns nil. When ctx or [patience] ends first, it
// returns what met said last.
func await(ctx context.Context, met func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it did not come within %v", patience))
	defer cancel()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		err := met(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			if errors.Is(err, ctx.Err()) {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-poll.C:
		}
	}
}
