//go:build soak

package main_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// spare are the descriptors that a process needs besides those of its sessions.
const spare = 250

// crowd is how many sessions can be held here, of the number wanted: each costs
// the program two descriptors.
func crowd(t testing.TB, wanted int) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	// Who may, raises what a process may have. A Go program takes all it may.
	if need := uint64(2*wanted + spare); limit.Max < need {
		raised := syscall.Rlimit{Cur: need, Max: need}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err == nil {
			limit = raised
		}
	}
	if room := (int(limit.Max) - spare) / 2; room < wanted {
		t.Logf("this machine allows %d descriptors: %d sessions instead of %d", limit.Max, room, wanted)
		return room
	}
	return wanted
}

// quietServer stands for a database in front of which sessions are idle: it lets
// everybody in and says nothing more. A real one would need more memory for ten
// thousand connections than what is measured here. It speaks PostgreSQL, whose
// login is the shortest.
func quietServer(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var talks sync.WaitGroup
	talks.Go(func() {
		for id := uint32(1); ; id++ {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			talks.Go(func() {
				defer conn.Close()
				if !skipPacket(conn) {
					return
				}
				key := "K\x00\x00\x00\x0c" + string([]byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}) + "keys"
				_, _ = io.WriteString(conn, "R\x00\x00\x00\x08\x00\x00\x00\x00"+key+"Z\x00\x00\x00\x05I")
				_, _ = conn.Read(make([]byte, 1))
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		talks.Wait()
	})
	return listener.Addr().String()
}

// skipPacket reads an untyped packet of PostgreSQL's.
func skipPacket(conn net.Conn) bool {
	head := make([]byte, 4)
	if _, err := io.ReadFull(conn, head); err != nil {
		return false
	}
	_, err := io.CopyN(io.Discard, conn, int64(head[2])<<8+int64(head[3])-4)
	return err == nil
}

// enter logs one client in.
func enter(address string) (net.Conn, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	const words = "user\x00jdoe\x00database\x00shop\x00application_name\x00till\x00\x00"
	_, err = io.WriteString(conn, string([]byte{0, 0, 0, byte(8 + len(words)), 0, 3, 0, 0})+words)
	welcome := make([]byte, 9+13+6)
	if err == nil {
		_, err = io.ReadFull(conn, welcome)
	}
	if err == nil && welcome[0] != 'R' {
		err = fmt.Errorf("answered with %q", welcome)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// resident is the memory that a process has, in bytes.
func resident(t testing.TB, pid int) int {
	t.Helper()
	file, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "VmRSS:" {
			kibibytes, err := strconv.Atoi(words[1])
			if err != nil {
				t.Fatal(err)
			}
			return kibibytes << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// TestIdleCrowd: ten thousand idle sessions are held and listed, cost little
// memory each, and one among them is killed as quickly as one alone. What it
// measures, it logs.
func TestIdleCrowd(t *testing.T) {
	n := crowd(t, 10_000)
	folder := t.TempDir()
	config := filepath.Join(folder, "gatebook.toml")
	text := fmt.Sprintf("[servers.db-1]\naddress = %q\n[services.orders]\nprotocol = \"postgres\"\nlisten = [\"127.0.0.1:0\"]\nservers = [\"db-1\"]\n", quietServer(t))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serve(t, "--config", config, "--data", filepath.Join(folder, "data"))
	few := p.killSome(t)
	before := resident(t, p.command.Process.Pid)

	clients := make([]net.Conn, n)
	begun := time.Now()
	var wait sync.WaitGroup
	for part := range 32 {
		wait.Go(func() {
			for i := part; i < n; i += 32 {
				var err error
				if clients[i], err = enter(p.services["orders"]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	defer func() {
		for _, c := range clients {
			if c != nil {
				c.Close()
			}
		}
	}()
	if t.Failed() {
		return
	}
	t.Logf("%d sessions came in %s", n, time.Since(begun).Round(time.Millisecond))
	time.Sleep(5 * time.Second) // what coming has cost is over, and observed
	each := (resident(t, p.command.Process.Pid) - before) / n
	t.Logf("an idle session costs %.1f KiB of resident memory", float64(each)/1024)
	if each > 32<<10 {
		t.Errorf("an idle session costs %d bytes, more than 32 KiB", each)
	}
	if live := p.sessions("live"); len(live) != n {
		t.Errorf("%d sessions are listed, want %d", len(live), n)
	}
	among := p.killSome(t)
	t.Logf("a kill takes %s among 15 and %s among %d (medians)", few, among, n)

	begun = time.Now()
	for _, c := range clients {
		c.Close()
	}
	eventually(t, "all have left", func() bool { return len(p.sessions("live")) == 0 })
	t.Logf("all left in %s", time.Since(begun).Round(time.Millisecond))
	closed := p.sessions("closed")
	for _, s := range closed {
		if s.Reason != "client_closed" && s.Reason != "killed" {
			t.Fatalf("session %d ended with %s", s.ID, s.Reason)
		}
	}
	if len(closed) < n {
		t.Errorf("%d ends are in the book, want at least %d", len(closed), n)
	}
	if status := p.stop(); status != 0 {
		t.Errorf("stopped with status %d\n%s", status, p.stderr)
	}
}

// killSome lets a few clients in and kills one after the other, and returns the
// median time until a kill was confirmed.
func (p *program) killSome(t *testing.T) time.Duration {
	t.Helper()
	clients := make(map[int]net.Conn) // by port
	for range 15 {
		client, err := enter(p.services["orders"])
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		clients[client.LocalAddr().(*net.TCPAddr).Port] = client
	}
	var took []time.Duration
	for _, s := range p.sessions("live") {
		client := clients[s.Port]
		if client == nil {
			continue
		}
		begun := time.Now()
		status, _, body := p.request(http.MethodDelete, fmt.Sprintf("/sessions/%d", s.ID))
		took = append(took, time.Since(begun))
		if status != http.StatusNoContent {
			t.Fatalf("DELETE answers %d %s", status, body)
		}
		if err := client.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		switch said, err := io.ReadAll(client); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			t.Error("the client is still connected")
		case !bytes.Contains(said, []byte("57P01")):
			t.Errorf("the client was told %q", said)
		}
	}
	if len(took) != len(clients) {
		t.Fatalf("%d of %d clients are listed", len(took), len(clients))
	}
	slices.Sort(took)
	return took[len(took)/2].Round(10 * time.Microsecond)
}
