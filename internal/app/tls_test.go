package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// certify writes a certificate for 127.0.0.1 that vouches for itself, and its
// key.
func certify(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", private), roots
}

// writeTokens writes a tokens file with one caller, who may do everything with
// the token "s3cret".
func writeTokens(t *testing.T, name string) string {
	t.Helper()
	sum := sha256.Sum256([]byte("s3cret"))
	path := filepath.Join(t.TempDir(), "tokens.yaml")
	doc := "tokens:\n  - {name: " + name + ", sha256: " + hex.EncodeToString(sum[:]) + ", roles: [emit, view]}\n"
	if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestServeOverTLSWithTokens is the shape that other machines may reach: both
// doors speak TLS only, and only to those who have a token.
func TestServeOverTLSWithTokens(t *testing.T) {
	cfg := settings(t)
	cert, key, roots := certify(t)
	cfg.Server.TLS.CertFile, cfg.Server.TLS.KeyFile = cert, key
	cfg.NATS.TLS.CertFile, cfg.NATS.TLS.KeyFile = cert, key
	cfg.NATS.Listen = "127.0.0.1:0"
	cfg.Auth.TokensFile = writeTokens(t, "ci")
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	i := start(t, Serve, cfg, func(tr *http.Transport) { tr.TLSClientConfig = &tls.Config{RootCAs: roots} })

	if code, _ := i.do(http.MethodGet, "/v1/deployments", "", ""); code != http.StatusUnauthorized {
		t.Errorf("a question without a token is answered %d, want 401", code)
	}
	if nc, err := nats.Connect(i.at.NATS, nats.RootCAs(cert)); err == nil {
		nc.Close()
		t.Error("NATS lets clients in without a token")
	}
	nc, err := nats.Connect(i.at.NATS, nats.RootCAs(cert), nats.Token("s3cret"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	event := `{"specversion":"1.0","type":"dev.telltale.deployment.reported.v1","source":"/test","id":"1",` +
		`"subject":"` + checkout + `","data":{"status":"deployed"}}`
	if _, err := js.Publish(t.Context(), "tt.v1.raw.ci", []byte(event)); err != nil {
		t.Fatal(err)
	}
	i.token = "s3cret"
	i.await("/v1/deployments/"+checkout, `"status":"deployed"`)
	i.stop()
}
