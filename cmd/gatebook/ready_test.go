package main_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadyWhenListening checks that /ready answers with 200 only when every service listens: what
// waits for it sends clients at once.
func TestReadyWhenListening(t *testing.T) {
	t.Parallel()
	const services = 200
	folder, address := t.TempDir(), net.JoinHostPort("127.0.0.1", unusedPort(t))
	var text strings.Builder
	text.WriteString("[servers.a]\naddress = '127.0.0.1:1'\n")
	for i := range services {
		fmt.Fprintf(&text, "[services.s%03d]\nprotocol = 'tcp'\nservers = ['a']\nlisten = ['127.0.0.1:0']\n", i)
	}
	last := net.JoinHostPort("127.0.0.1", unusedPort(t))
	fmt.Fprintf(&text, "[services.z]\nprotocol = 'tcp'\nservers = ['a']\nlisten = ['%s']\n", last)
	config := filepath.Join(folder, "gatebook.toml")
	if err := os.WriteFile(config, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var out output
	command := exec.Command(binary, "serve", "--listen", address, "--config", config, "--data", filepath.Join(folder, "data"))
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	}()
	client := &http.Client{Timeout: deadline, Transport: &http.Transport{DisableKeepAlives: true}}
	limit := time.Now().Add(deadline)
	for ready := false; !ready; { // without a pause: what is looked for is short
		if time.Now().After(limit) {
			t.Fatalf("it is not ready: %s", out.String())
		}
		answer, err := client.Get("http://" + address + "/ready")
		if err != nil {
			continue
		}
		ready = answer.StatusCode == http.StatusOK
		answer.Body.Close()
	}
	conn, err := net.Dial("tcp", last)
	if err != nil {
		t.Fatalf("it is ready, and its service cannot be reached: %v", err)
	}
	conn.Close()
}
