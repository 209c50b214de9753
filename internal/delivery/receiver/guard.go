package receiver

import (
	"errors"
	"net/netip"
	"syscall"
)

// errForbiddenAddress refuses a dial. It does not name the address: the answer
// would tell whoever wrote the URL what our resolver sees.
var errForbiddenAddress = errors.New("the endpoint's address is not public")

// inside lists what is neither loopback, private, link-local nor multicast by
// the words of net/netip and still leads inside, or to an IPv4 address written
// as IPv6 (RFC 6890 and its successors).
var inside = [...]netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carrier-grade NAT
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), // benchmarks
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), // NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"), // Teredo
	netip.MustParsePrefix("2002::/16"), // 6to4
}

// public is a net.Dialer's Control: it sees the resolved address of each dial,
// so a name that resolves differently the second time does not pass.
func public(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !isPublic(ap.Addr()) {
		return errForbiddenAddress
	}
	return nil
}

func isPublic(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range inside {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
