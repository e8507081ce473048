package main_test

import (
	"encoding/json"
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
	"time"

	"gatebook"
	"gatebook/events"
)

// largeBook returns a data folder with that many ended sessions, whose archive is missing, so
// that the next start makes it again.
func largeBook(t *testing.T, sessions int) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const each = 5000
	for n := 0; n < sessions; n += each {
		report := gatebook.Report{Source: "edge-1", Incarnation: "a"}
		for i := range each {
			key := fmt.Sprint("c-", n+i)
			report.Events = append(report.Events,
				gatebook.Reported{Key: key, Event: &events.SessionOpened{Service: "orders", Address: "192.0.2.1"}},
				gatebook.Reported{Key: key, Event: &events.SessionReady{User: fmt.Sprint("user-", i)}},
				gatebook.Reported{Key: key, Event: &events.SessionClosed{Reason: events.ReasonClientClosed}})
		}
		if _, err := r.Report(t.Context(), report); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{r.Close(), os.Remove(filepath.Join(folder, "book.db"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestStopWhileOpening starts a server whose book takes a while to open: it answers from the
// first moment, says how far it has come, and stops at once when it is told to. What it had
// done by then need not be done again.
func TestStopWhileOpening(t *testing.T) {
	t.Parallel()
	folder, address := largeBook(t, 15_000), net.JoinHostPort("127.0.0.1", unusedPort(t))
	var out output
	command := exec.Command(binary, "serve", "--listen", address, "--data", folder)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	command.Stdout, command.Stderr = &out, &out
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = command.Process.Kill() }() // it may have ended
	client := &http.Client{Timeout: deadline, Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path string) (status int, body string) {
		answer, err := client.Get("http://" + address + path)
		if err != nil {
			return 0, ""
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, string(text)
	}
	eventually(t, "it says how far it has come", func() bool {
		status, body := get("/ready")
		if status == http.StatusOK {
			t.Fatal("it is ready too soon for this test")
		}
		var f struct{ Error, Description string }
		return status == http.StatusServiceUnavailable && json.Unmarshal([]byte(body), &f) == nil &&
			f.Error == "Starting" && strings.Contains(f.Description, "records are read")
	})
	if status, body := get("/health"); status != http.StatusOK {
		t.Errorf("/health: %d %s", status, body)
	}
	said, _ := exec.Command(binary, "user", "list", "--data", folder).CombinedOutput() // what it says is compared
	if !strings.Contains(string(said), "book is being") {
		t.Errorf("at the control socket: %s", said)
	}
	begun := time.Now()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err := command.Wait()
	if took := time.Since(begun); err != nil || took > 5*time.Second {
		t.Errorf("it stops after %s with %v", took, err)
	}
	if text := out.String(); text != "stopping\n" {
		t.Errorf("it says %s", text)
	}
}

// TestFailedStartLeavesNothing starts servers that cannot listen, at the API's address and at
// that of a service: neither begins a book.
func TestFailedStartLeavesNothing(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	config := filepath.Join(t.TempDir(), "gatebook.toml")
	text := fmt.Sprintf("[servers.a]\naddress = \"127.0.0.1:1\"\n[services.s]\nprotocol = \"tcp\"\nservers = [\"a\"]\nlisten = [%q]\n", taken.Addr())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"API":     {"--listen", taken.Addr().String()},
		"service": {"--config", config},
	} {
		folder := filepath.Join(t.TempDir(), "data")
		refused(t, "address already in use", append(args, "--data", folder)...)
		if _, err := os.Stat(folder); !os.IsNotExist(err) {
			t.Errorf("%s: the data folder: %v", name, err)
		}
	}
}

// TestListensOnIPv4 listens on all addresses of IPv4: the line that says so names them, and
// nothing listens on IPv6.
func TestListensOnIPv4(t *testing.T) {
	t.Parallel()
	p := serve(t, "--listen", "0.0.0.0:0", "--insecure", "--data", filepath.Join(t.TempDir(), "data"))
	if !strings.HasPrefix(p.api, "http://0.0.0.0:") {
		t.Errorf("it says %s", p.api)
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(p.api, "http://"))
	if c, err := net.Dial("tcp", net.JoinHostPort("::1", port)); err == nil {
		_ = c.Close()
		t.Error("it listens on IPv6 too")
	}
	p.get("/health", &struct{}{})
}

// TestSegmentBytes starts a server whose log is larger than a segment may be by its
// configuration: the next one is begun.
func TestSegmentBytes(t *testing.T) {
	t.Parallel()
	data, config := largeBook(t, 15_000), filepath.Join(t.TempDir(), "gatebook.toml")
	if err := os.WriteFile(config, []byte("[log]\nsegment_bytes = 1048576\nscrub_period = \"30d\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serve(t, "--data", data, "--config", config)
	p.get("/sessions?limit=1", &[]session{})
	eventually(t, "a segment was begun", func() bool {
		segments, err := filepath.Glob(filepath.Join(data, "log", "*.db"))
		return err == nil && len(segments) > 1
	})
}
