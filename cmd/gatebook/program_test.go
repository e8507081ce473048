package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatebook/cmd/gatebook/internal/servertest"
)

// binary is the program under test, built once for the package.
var binary string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "gatebook-binary")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := os.Chmod(folder, 0o755); err != nil { // for tests that run it as another user
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(folder, "gatebook")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	status := 1
	if err := build.Run(); err == nil {
		status = m.Run()
	}
	if err := os.RemoveAll(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if status == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	os.Exit(status)
}

// program is a running gatebook.
type program struct {
	t        *testing.T
	command  *exec.Cmd
	api      string            // its base URL
	services map[string]string // the address of each service
	found    string            // what it said of its data
	stdout   *output           // complete when the program has ended
	stderr   *output           // likewise
	drained  chan struct{}
}

// deadline bounds every wait of a test: nothing here takes so long.
const deadline = 30 * time.Second

// serve starts the program and waits until it answers.
func serve(t *testing.T, args ...string) *program {
	t.Helper()
	return serveAs(t, nil, args...)
}

// serveAs starts the program as another user, nil for this one, and waits until it answers.
func serveAs(t *testing.T, user *syscall.Credential, args ...string) *program {
	t.Helper()
	p := &program{t: t, services: make(map[string]string), stdout: &output{}, stderr: &output{}, drained: make(chan struct{})}
	p.command = exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: user}
	p.command.Stderr = p.stderr
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.command.ProcessState == nil {
			p.kill()
		}
	})
	lines := make(chan string)
	go func() {
		defer close(p.drained)
		defer close(lines)
		for scanner := bufio.NewScanner(io.TeeReader(stdout, p.stdout)); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	services := strings.Count(configOf(t, args), "[services.")
	timeout := time.After(deadline)
	for p.api == "" || len(p.services) < services {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatalf("the program ended: %v\n%s", p.command.Wait(), p.stderr)
			}
			p.read(line)
		case <-timeout:
			t.Fatal("the program does not say where it listens")
		}
	}
	go func() {
		for range lines { // what it says when it stops is of no interest
		}
	}()
	return p
}

func configOf(t *testing.T, args []string) string {
	for i, a := range args {
		if a == "--config" {
			text, err := os.ReadFile(args[i+1])
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
	}
	return ""
}

// read takes what the program says about itself.
func (p *program) read(line string) {
	words := strings.Fields(line)
	switch {
	case len(words) == 2 && words[0] == "API":
		p.api = words[1]
	case len(words) == 4 && words[2] == "on":
		p.services[words[1]] = words[3]
	case len(words) > 0 && words[0] == "data":
		p.found = line
	}
}

// kill is kill -9.
func (p *program) kill() {
	p.t.Helper()
	if err := p.command.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.drained
	if err := p.command.Wait(); err == nil {
		p.t.Fatal("a killed program ended well")
	}
}

// stop asks the program to stop, and returns its exit status.
func (p *program) stop() int {
	p.t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	return p.wait()
}

// wait waits until a program that was told to stop has ended, and returns its exit status.
func (p *program) wait() int {
	p.t.Helper()
	timer := time.AfterFunc(deadline, func() {
		p.t.Error("it does not stop")
		_ = p.command.Process.Kill()
	})
	defer timer.Stop()
	<-p.drained
	_ = p.command.Wait() // the status says it
	return p.command.ProcessState.ExitCode()
}

// request is one exchange on a connection of its own, so that the test's own
// sessions come and go with it.
func (p *program) request(method, path string) (int, http.Header, string) {
	p.t.Helper()
	client := &http.Client{Timeout: deadline, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := http.NewRequest(method, p.api+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

// get reads JSON.
func (p *program) get(path string, into any) {
	p.t.Helper()
	status, _, body := p.request(http.MethodGet, path)
	if status != http.StatusOK {
		p.t.Fatalf("GET %s: %d %s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		p.t.Fatalf("GET %s: %v in %s", path, err, body)
	}
}

// session is what the API tells of a session.
type session struct {
	ID       uint64  `json:"id"`
	State    string  `json:"state"`
	Status   string  `json:"status"`
	User     string  `json:"user"`
	Address  string  `json:"address"`
	Port     int     `json:"port"`
	Service  string  `json:"service"`
	Database string  `json:"database"`
	Program  string  `json:"program"`
	Reason   string  `json:"reason"`
	By       string  `json:"by"`
	LastSeen *string `json:"last_seen"`
	Version  uint64  `json:"version"`
}

// sessions are those of the gateway's services, of any status.
func (p *program) sessions(status string) []session {
	p.t.Helper()
	var all, ours []session
	p.get("/sessions?fields=*&status="+status, &all)
	for _, s := range all {
		if s.Service != "/services/gatebook" {
			ours = append(ours, s)
		}
	}
	return ours
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	begun := time.Now()
	for tick := time.NewTicker(5 * time.Millisecond); !holds(); <-tick.C {
		if time.Since(begun) > deadline {
			t.Fatalf("%s: not within %s", what, deadline)
		}
	}
}

// configure writes a configuration with one service over the given servers.
func configure(t *testing.T, protocol string, servers ...*servertest.Server) string {
	t.Helper()
	var text strings.Builder
	var names []string
	for i, s := range servers {
		name := fmt.Sprintf("db-%d", i+1)
		names = append(names, fmt.Sprintf("%q", name))
		fmt.Fprintf(&text, "[servers.%s]\naddress = %q\n", name, s.Address)
	}
	fmt.Fprintf(&text, "[services.orders]\nprotocol = %q\nlisten = [\"127.0.0.1:0\"]\nservers = [%s]\n", protocol, strings.Join(names, ", "))
	path := filepath.Join(t.TempDir(), "gatebook.toml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
