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
// mode the service's address takes nobody before. On a busy machine a server can be ready before
// the client has been answered: then a larger book is tried.
func TestRelayWhileOpening(t *testing.T) {
	database := servertest.StartMariaDB(t)
	if err := database.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	for mode, inTime := range map[string]func(*opening) bool{
		"best_effort": func(o *opening) bool { return o.relays(database) },
		"strict":      (*opening).refuses,
	} {
		t.Run(mode, func(t *testing.T) {
			for _, sessions := range []int{40_000, 200_000, 1_000_000} {
				o := startOpening(t, database, mode, largeBook(t, sessions))
				if inTime(o) {
					return
				}
			}
			t.Fatal("it was ready too soon for this test with a book of a million sessions too")
		})
	}
}

// opening is a server that makes its archive again.
type opening struct {
	*program
	service string // the address for database clients
	client  *http.Client
}

// startOpening starts a server that records in that mode, over a data folder without archive. It
// ends with the test.
func startOpening(t *testing.T, database *servertest.Server, mode, data string) *opening {
	t.Helper()
	service, api := net.JoinHostPort("127.0.0.1", unusedPort(t)), net.JoinHostPort("127.0.0.1", unusedPort(t))
	config := filepath.Join(t.TempDir(), "gatebook.toml")
	text := fmt.Sprintf("record = %q\n[servers.db]\naddress = %q\n[services.orders]\nprotocol = \"mysql\"\nlisten = [%q]\nservers = [\"db\"]\n",
		mode, database.Address, service)
	must(t, os.WriteFile(config, []byte(text), 0o600))
	var out output
	command := exec.Command(binary, "serve", "--listen", api, "--config", config, "--data", data)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	command.Stdout, command.Stderr = &out, &out
	must(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	})
	o := &opening{
		program: &program{t: t, api: "http://" + api, stdout: &out, stderr: &out},
		service: service,
		client:  &http.Client{Timeout: deadline, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	eventually(t, "it answers", func() bool { return connects(api) })
	return o
}

// state reports whether the server reads its log, and whether it is ready. Neither is true when
// the connection was closed because the book is open.
func (o *opening) state() (reads, ready bool) {
	answer, err := o.client.Get(o.api + "/ready")
	if err != nil {
		return false, false
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(text), "records are read"),
		answer.StatusCode == http.StatusOK
}

// reads reports whether the server still reads its log.
func (o *opening) reads() bool {
	reads, _ := o.state()
	return reads
}

// begins waits until the server reads its log, and reports false if it has read it already.
func (o *opening) begins() bool {
	o.t.Helper()
	var reads, ready bool
	eventually(o.t, "it reads its log", func() bool {
		reads, ready = o.state()
		return reads || ready
	})
	return reads
}

// relays has a client log in and query. It reports false if the server was ready before that.
func (o *opening) relays(database *servertest.Server) bool {
	o.t.Helper()
	if !o.begins() {
		return false
	}
	eventually(o.t, "its service listens", func() bool { return connects(o.service) })
	to := database.Login
	to.Address, to.User, to.Password = o.service, "jdoe", "secret"
	db := login(o.t, to)
	var one int
	if err := db.QueryRowContext(o.t.Context(), "SELECT 1").Scan(&one); err != nil || one != 1 {
		o.t.Fatalf("a query gives %d, with error %v", one, err)
	}
	inTime := o.reads()
	eventually(o.t, "it is ready", func() bool {
		_, ready := o.state()
		return ready
	})
	eventually(o.t, "the session is on the record", func() bool {
		var live []session
		o.get("/sessions?service=orders&user=jdoe", &live)
		return len(live) == 1 && live[0].State == "Session ready for routing"
	})
	return inTime
}

// refuses expects that no database client is taken. It reports false if the server was ready
// before that was tried.
func (o *opening) refuses() bool {
	o.t.Helper()
	taken := o.begins() && connects(o.service)
	if !o.reads() {
		return false
	}
	if taken {
		o.t.Error("a client is taken before its session can be recorded")
	}
	return true
}

// connects reports whether something listens at an address.
func connects(address string) bool {
	c, err := net.Dial("tcp", address)
	return err == nil && c.Close() == nil
}
