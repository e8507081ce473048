package httpd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gatebook/httpd"
)

// certificate returns a certificate that signs itself.
func certificate(t *testing.T) *httpd.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	folder := t.TempDir()
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(folder, name)
		check(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600))
		return path
	}
	c, err := httpd.LoadCertificate(write("certificate.pem", "CERTIFICATE", signed), write("key.pem", "PRIVATE KEY", private))
	check(t, err)
	return c
}

// A client that speaks no TLS where TLS is spoken is told so in an object.
func TestPlaintextToTLS(t *testing.T) {
	t.Parallel()
	_, address := serveThat(t, httpd.Config{Registry: openBook(t, newClock()), Certificate: certificate(t)})
	r := dial(t, address)
	r.send("GET /sessions HTTP/1.1", "Host: localhost")
	got := r.receive("GET")
	want := refused("TLS is needed", "This API speaks TLS: the URL begins with https://.") + "\n"
	if got.status != http.StatusBadRequest || got.body != want || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %v\n%s", got.status, got.header, got.body)
	}
}
