package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gatebook/cmd/gatebook/internal/config"
	"gatebook/cmd/gatebook/internal/servertest"
)

// block is a fenced block of a page.
type block struct {
	line       int
	kind, text string
}

// blocksOf cuts the fenced blocks out of a page.
func blocksOf(t *testing.T, path string) []block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	inside := false
	for i, line := range strings.Split(string(text), "\n") {
		kind, fence := strings.CutPrefix(line, "```")
		switch {
		case !inside && strings.HasPrefix(line, "<!-- stop"):
			all = append(all, block{line: i + 1, kind: "stop"})
		case !inside && strings.HasPrefix(line, "<!-- kill"):
			all = append(all, block{line: i + 1, kind: "kill"})
		case fence && !inside:
			all = append(all, block{line: i + 1, kind: kind})
			inside = true
		case fence:
			inside = false
		case inside:
			all[len(all)-1].text += line + "\n"
		}
	}
	return all
}

// page runs the blocks of a page in order.
type page struct {
	t      *testing.T
	folder string
	server *servertest.Server // nil when the page needs no database
	api    string             // where a server listens that is not told where
	// printed is what the block before has printed, so far.
	printed func() string
	// running are the blocks that were left running.
	running []*exec.Cmd
}

// TestGatewayPage does what docs/GATEWAY.md tells a reader to do. The page says
// in its source what becomes of which block.
func TestGatewayPage(t *testing.T) {
	t.Parallel()
	p := &page{t: t, folder: t.TempDir(), server: servertest.StartMariaDB(t)}
	_, database, _ := net.SplitHostPort(p.server.Address)
	p.follow(filepath.Join("docs", "GATEWAY.md"), "3306", database, "4006", unusedPort(t), "8989", unusedPort(t))
}

// TestAPIPage does the same with docs/API.md.
func TestAPIPage(t *testing.T) {
	t.Parallel()
	port := unusedPort(t)
	p := &page{t: t, folder: t.TempDir(), api: net.JoinHostPort("127.0.0.1", port)}
	p.follow(filepath.Join("docs", "API.md"), "8989", port)
}

// TestOperatingPage does the same with docs/OPERATING.md.
func TestOperatingPage(t *testing.T) {
	t.Parallel()
	port := unusedPort(t)
	p := &page{t: t, folder: t.TempDir(), api: net.JoinHostPort("127.0.0.1", port)}
	p.follow(filepath.Join("docs", "OPERATING.md"), "8989", port)
}

// TestAuditPage does the same with docs/AUDIT.md.
func TestAuditPage(t *testing.T) {
	t.Parallel()
	port := unusedPort(t)
	p := &page{t: t, folder: t.TempDir(), api: net.JoinHostPort("127.0.0.1", port)}
	p.follow(filepath.Join("docs", "AUDIT.md"), "8989", port)
}

// TestReadme does the same with README.md, where the second of two servers does not
// answer.
func TestReadme(t *testing.T) {
	t.Parallel()
	port := unusedPort(t)
	p := &page{t: t, folder: t.TempDir(), server: servertest.StartMariaDB(t), api: net.JoinHostPort("127.0.0.1", port)}
	for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS shop", "CREATE USER IF NOT EXISTS jdoe IDENTIFIED BY 'secret'", "GRANT ALL ON shop.* TO jdoe"} {
		if err := p.server.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	_, database, _ := net.SplitHostPort(p.server.Address)
	p.follow("README.md", "3306", database, "3307", unusedPort(t), "4006", unusedPort(t), "8989", port)
}

// follow does with the blocks of a page what they say, with other ports than it
// names.
func (p *page) follow(path string, ports ...string) {
	p.t.Helper()
	replacer := strings.NewReplacer(ports...)
	for _, b := range blocksOf(p.t, filepath.Join("..", "..", path)) {
		b.text = replacer.Replace(b.text)
		if !p.do(b) {
			p.t.Fatalf("line %d: what is a block of %q?", b.line, b.kind)
		}
		if p.t.Failed() {
			p.t.Fatalf("line %d: failed", b.line)
		}
	}
}

// unusedPort is one that nobody listens on at the moment.
func unusedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// do does with a block what its kind says, and reports whether it is known.
func (p *page) do(b block) bool {
	p.t.Helper()
	switch kind, file, _ := strings.Cut(b.kind, " "); {
	case b.kind == "sh install":
		for _, name := range []string{"mariadb", "curl", "make", "install"} {
			if _, err := exec.LookPath(name); err != nil {
				p.t.Errorf("%v: run .ci/install-servers", err)
			}
		}
	case b.kind == "sh":
		out, err := p.bash(b.text).CombinedOutput()
		if err != nil {
			p.t.Errorf("line %d: %v\n%s", b.line, err, out)
		}
		p.printed = func() string { return string(out) }
	case b.kind == "sh background":
		p.start(b)
	case b.kind == "stop":
		p.stop(b)
	case b.kind == "kill":
		p.kill()
	case b.kind == "go":
		// example_test.go runs it
	case b.kind == "nginx":
		// another program's configuration
	case b.kind == "sql":
		for statement := range strings.SplitSeq(strings.TrimSpace(b.text), ";\n") {
			if err := p.server.Exec(strings.TrimSuffix(statement, ";")); err != nil {
				p.t.Errorf("line %d: %v", b.line, err)
			}
		}
	case b.kind == "toml":
		if _, err := config.Parse(b.text); err != nil {
			p.t.Errorf("line %d: %v", b.line, err)
		}
	case kind == "toml":
		if err := os.WriteFile(filepath.Join(p.folder, file), []byte(b.text), 0o600); err != nil {
			p.t.Fatal(err)
		}
	case b.kind == "text":
		p.expect(b)
	default:
		return false
	}
	return true
}

// bash is the command that runs a script.
func (p *page) bash(script string) *exec.Cmd {
	cmd := exec.CommandContext(p.t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = p.folder
	cmd.Env = append(cmd.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "LC_ALL=C", "HOME="+p.folder, "XDG_CONFIG_HOME="+p.folder)
	if p.api != "" {
		cmd.Env = append(cmd.Env, "GATEBOOK_LISTEN="+p.api)
	}
	return cmd
}

// start leaves a block running until the test's end.
func (p *page) start(b block) {
	p.t.Helper()
	cmd := p.bash("exec " + b.text)
	out := &output{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	p.running = append(p.running, cmd)
	p.printed = out.String
}

// stop ends what was left running, as Ctrl-C does.
func (p *page) stop(b block) {
	p.t.Helper()
	for _, cmd := range p.running {
		if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
			p.t.Errorf("line %d: %v", b.line, err)
		}
	}
	p.running = nil
}

// kill kills what was left running, as a power cut does: the server first.
func (p *page) kill() {
	p.t.Helper()
	for _, cmd := range p.running {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	p.running = nil
}

// expect waits until the block before has printed what a block shows.
func (p *page) expect(b block) {
	p.t.Helper()
	var pattern strings.Builder
	for line := range strings.Lines(strings.TrimSpace(b.text)) {
		line = regexp.QuoteMeta(strings.TrimSpace(line))
		fmt.Fprintf(&pattern, `\s*%s\s*`, strings.ReplaceAll(line, "…", `(?s:.*?)`))
	}
	expression := regexp.MustCompile("^" + pattern.String())
	defer func() {
		if p.t.Failed() {
			p.t.Logf("line %d: it printed\n%s", b.line, p.printed())
		}
	}()
	eventually(p.t, fmt.Sprintf("line %d: prints what it should", b.line), func() bool {
		return expression.MatchString(p.printed())
	})
}

// output is what a running program prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
