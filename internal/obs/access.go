package obs

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/telltale-dev/telltale/pkg/events"
)

// Guard refuses requests that a browser was tricked into sending: those whose
// Host is neither loopback nor one of names (a page elsewhere whose name was
// rebound to our address), and unsafe methods from another origin. Both are
// answered 403 with [events.CodeForbidden].
//
// A name is a host name or an IP address without a port; case does not matter.
func Guard(names []string, next http.Handler) http.Handler {
	allowed := make(map[string]bool, len(names))
	for _, n := range names {
		allowed[canonicalHost(n)] = true
	}
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		WriteProblem(w, events.Errorf(events.CodeForbidden, "the request comes from another origin").
			WithHint("browsers may only call this server from its own pages"))
	}))
	next = cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := canonicalHost(hostOnly(r.Host))
		if !allowed[host] && !isLoopbackName(host) {
			WriteProblem(w, events.Errorf(events.CodeForbidden, "the Host header names a server that this is not").
				WithHint("add the name under which this server is reached to server.names"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// IsLoopback reports whether a listener on addr ("host:port") can be reached
// from this machine only. An empty host means every interface; a host name
// other than localhost counts as not loopback, whatever it resolves to today.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && isLoopbackName(canonicalHost(host))
}

func isLoopbackName(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// hostOnly takes a port off a Host header, and the brackets off an IPv6 one.
func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
}

func canonicalHost(host string) string {
	return strings.TrimSuffix(strings.ToLower(host), ".")
}
