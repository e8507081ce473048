package main_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatebook/cmd/gatebook/internal/servertest"
)

// TestRelayWhileOpening starts servers whose archive is missing. With best effort a client logs
// in and queries while the archive is made again, and is on the record once it is there. In strict
// mode the service's address takes nobody before.
func TestRelayWhileOpening(t *testing.T) {
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	book := os.DirFS(largeBook(t, 40_000))
	for _, mode := range []string{"best_effort", "strict"} {
		t.Run(mode, func(t *testing.T) {
			service := net.JoinHostPort("127.0.0.1", unusedPort(t))
			api := net.JoinHostPort("127.0.0.1", unusedPort(t))
			config := filepath.Join(t.TempDir(), "gatebook.toml")
			text := fmt.Sprintf("record = %q\n[servers.db]\naddress = %q\n[services.orders]\nprotocol = \"mysql\"\nlisten = [%q]\nservers = [\"db\"]\n",
				mode, server.Address, service)
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			data := filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(data, book); err != nil {
				t.Fatal(err)
			}
			var out output
			command := exec.Command(binary, "serve", "--listen", api, "--config", config, "--data", data)
			command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			command.Stdout, command.Stderr = &out, &out
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = command.Wait() }()
			defer func() { _ = command.Process.Signal(syscall.SIGTERM) }()
			p := &program{t: t, api: "http://" + api, stdout: &out, stderr: &out}
			eventually(t, "it answers", func() bool { c, err := net.Dial("tcp", api); return err == nil && c.Close() == nil })
			client := &http.Client{Timeout: deadline, Transport: &http.Transport{DisableKeepAlives: true}}
			ready := func() (status int, body string) {
				answer, err := client.Get(p.api + "/ready")
				if err != nil {
					return 0, "" // its connection was closed when the book was open
				}
				defer answer.Body.Close()
				text, _ := io.ReadAll(answer.Body)
				return answer.StatusCode, string(text)
			}
			notReady := func() bool {
				status, body := ready()
				return status == http.StatusServiceUnavailable && strings.Contains(body, "records are read")
			}
			eventually(t, "it reads its log", notReady)
			if mode == "strict" {
				c, err := net.Dial("tcp", service)
				if !notReady() {
					t.Fatal("it is ready too soon for this test")
				}
				if err == nil {
					c.Close()
					t.Error("a client is taken before its session can be recorded")
				}
				return
			}
			eventually(t, "its service listens", func() bool { c, err := net.Dial("tcp", service); return err == nil && c.Close() == nil })
			to := server.Login
			to.Address, to.User, to.Password = service, "jdoe", "secret"
			db := login(t, to)
			var one int
			if err := db.QueryRowContext(t.Context(), "SELECT 1").Scan(&one); err != nil || one != 1 {
				t.Fatalf("a query gives %d, with error %v", one, err)
			}
			if !notReady() {
				t.Fatal("it is ready too soon for this test")
			}
			eventually(t, "it is ready", func() bool {
				status, _ := ready()
				return status == http.StatusOK
			})
			eventually(t, "the session is on the record", func() bool {
				var live []session
				p.get("/sessions?service=orders&user=jdoe", &live)
				return len(live) == 1 && live[0].State == "Session ready for routing"
			})
		})
	}
}
