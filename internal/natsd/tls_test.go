package natsd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/telltale-dev/telltale/internal/natsd"
	"github.com/telltale-dev/telltale/internal/stream"
	"github.com/telltale-dev/telltale/internal/testkit"
)

// certificate returns a certificate for 127.0.0.1 and who trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestTLS(t *testing.T) {
	cert, pool := certificate(t)
	s := testkit.Start(t, natsd.Config{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0", RelaxedSync: true,
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
	})
	for name, c := range map[string]struct {
		o  stream.Options
		ok bool
	}{
		"trusted":    {stream.Options{URL: s.ClientURL(), TLS: &tls.Config{RootCAs: pool}}, true},
		"in process": {stream.Options{InProcess: s.InProcess()}, true},
		"untrusted":  {stream.Options{URL: s.ClientURL(), TLS: &tls.Config{}}, false},
		"TLS 1.2":    {stream.Options{URL: s.ClientURL(), TLS: &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS12}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := stream.Connect(t.Context(), c.o)
			if (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
			if err == nil {
				conn.Close()
			}
		})
	}
}
