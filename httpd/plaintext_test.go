package httpd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// A client that speaks no TLS where TLS is spoken gets an object that says so, however long its
// request is.
func TestPlaintextToTLS(t *testing.T) {
	t.Parallel()
	_, address := serveThat(t, httpd.Config{Registry: openBook(t, newClock()), Certificate: certificate(t)})
	for name, lines := range map[string][]string{
		"short":        {"GET /sessions HTTP/1.1", "Host: localhost"},
		"a long head":  {"GET /sessions HTTP/1.1", "Host: localhost", "A: " + strings.Repeat("x", 40<<10)},
		"another verb": {"OPTIONS * HTTP/1.1", "Host: localhost"},
		"nonsense":     {"NONSENSE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := dial(t, address)
			r.send(lines...)
			got := r.receive("GET")
			want := refused("TLS is needed", "This API speaks TLS: the URL begins with https://.") + "\n"
			if got.status != http.StatusBadRequest || got.body != want || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("got %d %v\n%s", got.status, got.header, got.body)
			}
			r.gone()
		})
	}
}

// A client that does not go on with its handshake neither keeps others waiting nor stays.
func TestSilentHandshake(t *testing.T) {
	t.Parallel()
	_, address := serveThat(t, httpd.Config{
		Registry: openBook(t, newClock()), Certificate: certificate(t), Limits: httpd.Limits{HeaderTime: 3 * time.Second},
	})
	silent, halfway := dial(t, address), dial(t, address)
	_, err := halfway.Write([]byte{22, 3, 1, 2, 0, 1, 0}) // the beginning of a ClientHello
	check(t, err)
	if got := dialTLS(t, address).ask("GET", "/health"); got.status != http.StatusOK {
		t.Errorf("got %d %s", got.status, got.body)
	}
	silent.gone()
	halfway.gone()
}

// Requests over TLS follow one another on a connection, and what is said of each is of that one.
func TestRequestsOverTLS(t *testing.T) {
	t.Parallel()
	_, address := serveThat(t, httpd.Config{Registry: openBook(t, newClock()), Certificate: certificate(t)})
	r := dialTLS(t, address)
	for range 2 {
		if got := r.ask("GET", "/sessions"); got.status != http.StatusOK {
			t.Fatalf("got %d %s", got.status, got.body)
		}
	}
	r.send("GET /" + strings.Repeat("x", 60<<10) + " HTTP/1.1")
	if got := r.receive("GET"); got.status != http.StatusRequestURITooLong {
		t.Errorf("got %d %s", got.status, got.body)
	}
	r.gone()
}

// Of TLS 1.2 no suite is spoken that encrypts with CBC, and older versions are not spoken.
func TestSuitesOfTLS(t *testing.T) {
	t.Parallel()
	address := serve(t, httpd.Config{Registry: openBook(t, newClock()), Certificate: certificate(t)})
	dial := func(version uint16, suites ...uint16) error {
		c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version, CipherSuites: suites})
		if err == nil {
			err = c.Close()
		}
		return err
	}
	check(t, dial(tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256))
	check(t, dial(tls.VersionTLS13))
	if err := dial(tls.VersionTLS11); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if strings.Contains(suite.Name, "CBC") && dial(tls.VersionTLS12, suite.ID) == nil {
			t.Errorf("%s is spoken", suite.Name)
		}
	}
}
