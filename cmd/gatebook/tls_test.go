package main_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatebook/cmd/gatebook/internal/certtest"
)

// secured is a folder with a configuration by which the API speaks TLS.
type secured struct {
	t         *testing.T
	folder    string
	authority *certtest.Authority
	config    string // its path
}

func newSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{t: t, folder: t.TempDir(), authority: certtest.NewAuthority(t, "authority")}
	s.write(s.authority.Issue(t, "old"))
	text := fmt.Sprintf("[tls]\ncertificate = %q\nkey = %q\n", filepath.Join(s.folder, "api.pem"), filepath.Join(s.folder, "api.key"))
	s.config = certtest.WriteFile(t, s.folder, "gatebook.toml", []byte(text))
	return s
}

func (s *secured) write(pair certtest.Pair) {
	certtest.WriteFile(s.t, s.folder, "api.pem", pair.Certificate)
	certtest.WriteFile(s.t, s.folder, "api.key", pair.Key)
}

// client is one with a connection of its own, which it keeps. seen is what the
// certificates were for that it was served, joined.
func (s *secured) client(seen *string) *http.Client {
	transport := &http.Transport{MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{
		RootCAs: s.authority.Pool(),
		VerifyPeerCertificate: func(_ [][]byte, chains [][]*x509.Certificate) error {
			*seen += chains[0][0].Subject.CommonName
			return nil
		},
	}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: deadline, Transport: transport}
}

// ask reads the answer whole, so that the connection is used again.
func (s *secured) ask(c *http.Client, url string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := c.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// SIGHUP brings the API's new certificate to those who come and drops nobody; one
// that cannot be read leaves the old one in use.
func TestHangupOfTheAPI(t *testing.T) {
	s := newSecured(t)
	p := serve(t, "--config", s.config, "--data", filepath.Join(t.TempDir(), "data"))
	if !strings.HasPrefix(p.api, "https://127.0.0.1:") {
		t.Fatalf("the API is at %q", p.api)
	}
	hangUp := func(says string) {
		t.Helper()
		if err := p.command.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, "says: "+says, func() bool { return strings.Contains(p.stderr.String(), says) })
	}
	var kept string
	keeping := s.client(&kept)
	own := func() string {
		t.Helper()
		status, body := s.ask(keeping, p.api+"/sessions?fields=id,tls&limit=1")
		if status != http.StatusOK || !strings.Contains(body, `"tls":"TLS 1.3"`) {
			t.Fatalf("got %d %s", status, body)
		}
		return body
	}
	served := func() (name string) {
		t.Helper()
		c := s.client(&name)
		defer c.CloseIdleConnections()
		if status, body := s.ask(c, p.api+"/health"); status != http.StatusOK {
			t.Fatalf("got %d %s", status, body)
		}
		return name
	}
	first := own()
	certtest.WriteFile(t, s.folder, "api.key", s.authority.Issue(t, "other").Key)
	hangUp("the API's certificate stays as it was")
	if name := served(); name != "old" {
		t.Errorf("after a key that does not belong to it: served %q", name)
	}
	s.write(s.authority.Issue(t, "new"))
	hangUp("the API's certificate reloaded")
	if name := served(); name != "new" {
		t.Errorf("served %q", name)
	}
	if again := own(); again != first || kept != "old" {
		t.Errorf("the connection was dropped: %q, then %q; certificates %q", first, again, kept)
	}
	if strings.Contains(p.stderr.String(), "PRIVATE KEY") {
		t.Error("a key is told")
	}
	if status := p.stop(); status != 0 {
		t.Errorf("stopped with status %d\n%s", status, p.stderr)
	}
}

// Other machines are served when there are accounts and TLS; what is missing is
// said, and --insecure does without.
func TestWhoIsServed(t *testing.T) {
	s := newSecured(t)
	folder := filepath.Join(t.TempDir(), "data")
	const elsewhere = "0.0.0.0:0"
	refused := func(want string, args ...string) {
		t.Helper()
		command := exec.Command(binary, append([]string{"serve", "--listen", elsewhere, "--data", folder}, args...)...)
		var out, errs bytes.Buffer
		command.Stdout, command.Stderr = &out, &errs
		_ = command.Run() // the status says it
		if command.ProcessState.ExitCode() != 1 || out.Len() > 0 || errs.String() != "gatebook: "+want+"\n" {
			t.Errorf("%v: status %d\n%s%s\nwant %s", args, command.ProcessState.ExitCode(), &out, &errs, want)
		}
	}
	served := func(scheme string, args ...string) {
		t.Helper()
		p := serve(t, append([]string{"--listen", elsewhere, "--data", folder}, args...)...)
		if !strings.HasPrefix(p.api, scheme+"://[::]:") && !strings.HasPrefix(p.api, scheme+"://0.0.0.0:") {
			t.Errorf("%v: the API is at %q", args, p.api)
		}
		if status := p.stop(); status != 0 {
			t.Errorf("%v: stopped with status %d\n%s", args, status, p.stderr)
		}
	}
	nobody := "listen address 0.0.0.0:0 is not a loopback one, and nobody has to log in: anybody could read the book and end sessions; " +
		"add an account (gatebook user add NAME --role admin --data " + folder + ") and a certificate ([tls] in the configuration), listen on 127.0.0.1, or say --insecure"
	refused(nobody)
	refused(nobody, "--config", s.config)
	if _, err := os.Stat(folder); err == nil {
		t.Error("what is refused has made a data folder")
	}
	served("http", "--insecure")
	(&desk{t: t, folder: folder}).user(0, "", "add", "ann", "--role", "admin", "--token")
	refused("listen address 0.0.0.0:0 is not a loopback one, and there is no TLS: anybody on the way could read passwords and the book; " +
		"give a certificate ([tls] in the configuration), listen on 127.0.0.1, or say --insecure")
	served("http", "--insecure")
	served("https", "--config", s.config)
}

// Host names are the same in capitals.
func TestLocalhostInCapitals(t *testing.T) {
	for _, listen := range []string{"LocalHost:0", "LOCALHOST:0"} {
		p := serve(t, "--listen", listen, "--data", filepath.Join(t.TempDir(), "data"))
		if !strings.HasPrefix(p.api, "http://127.0.0.1:") && !strings.HasPrefix(p.api, "http://[::1]:") {
			t.Errorf("%s: the API is at %q", listen, p.api)
		}
		if status := p.stop(); status != 0 {
			t.Errorf("%s: stopped with status %d\n%s", listen, status, p.stderr)
		}
	}
}
