package main_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFlood: more clients than the program may have descriptors for are nobody's
// ruin: those who were served go on, who comes afterwards is served, and no server
// is taken for down because the program could not call it.
func TestFlood(t *testing.T) {
	folder := t.TempDir()
	config := filepath.Join(folder, "gatebook.toml")
	text := fmt.Sprintf("[servers.db-1]\naddress = %q\n[services.orders]\nprotocol = \"tcp\"\nlisten = [\"127.0.0.1:0\"]\nservers = [\"db-1\"]\n", echoServer(t))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := serve(t, "--config", config, "--data", filepath.Join(folder, "data"))
	first := hello(t, p.services["orders"])
	if first == nil {
		t.Fatal("the first client is not served")
	}
	defer first.Close()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.command.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	few := uint64(len(open) + 21)
	limit := unix.Rlimit{Cur: few, Max: few}
	if err := unix.Prlimit(p.command.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Fatal(err)
	}

	var clients sync.WaitGroup
	over := make(chan struct{})
	for range 100 {
		conn, err := net.Dial("tcp", p.services["orders"])
		if err != nil {
			t.Fatal(err)
		}
		clients.Go(func() {
			defer conn.Close()
			<-over
		})
	}
	if _, err := io.WriteString(first, "still here"); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(first, make([]byte, len("still here"))); err != nil {
		t.Errorf("one that was served: %v", err)
	}
	eventually(t, "descriptors have run out", func() bool {
		now, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.command.Process.Pid))
		return err == nil && len(now) >= len(open)+20
	})
	close(over)
	clients.Wait()
	eventually(t, "a client is served", func() bool {
		conn := hello(t, p.services["orders"])
		if conn != nil {
			conn.Close()
		}
		return conn != nil
	})
	eventually(t, "the others have left", func() bool { return len(p.sessions("live")) == 1 })

	_, _, log := p.request("GET", "/events?limit=1000")
	if !strings.Contains(log, "too many open files") {
		t.Errorf("no call to the server failed for want of a descriptor:\n%s", log)
	}
	if strings.Contains(log, `"down"`) {
		t.Errorf("a server was taken for down:\n%s", log)
	}
	if status := p.stop(); status != 0 {
		t.Errorf("stopped with status %d\n%s", status, p.stderr)
	}
}

// hello says something through the service, and returns the connection if it is
// answered.
func hello(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(deadline))
	if _, err = io.WriteString(conn, "hello"); err == nil {
		_, err = io.ReadFull(conn, make([]byte, len("hello")))
	}
	if err != nil {
		conn.Close()
		return nil
	}
	return conn
}

// echoServer sends back what it gets.
func echoServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			talks.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		talks.Wait()
	})
	return listener.Addr().String()
}
