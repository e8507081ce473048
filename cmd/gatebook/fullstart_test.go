package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStartOnFullDisk starts the server on a full disk, after a crash that has left a session
// open. It answers, says why it is not ready, and relays what need not be recorded; when
// there is space it records.
func TestStartOnFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a small disk cannot be mounted, which takes root and mount(2): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	config := filepath.Join(t.TempDir(), "gatebook.toml")
	text := fmt.Sprintf("record = \"best_effort\"\n[servers.echo]\naddress = %q\n[services.echo]\nprotocol = \"tcp\"\nlisten = [\"127.0.0.1:0\"]\nservers = [\"echo\"]\n", echo.Addr())
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(disk, "data")
	p := serve(t, "--data", data, "--config", config)
	const left = 800 // more than fit into pages that the log has free
	for range left {
		defer say(t, p.services["echo"]).Close()
	}
	eventually(t, "the sessions are live", func() bool { return len(p.sessions("live")) >= left })
	p.kill()
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)

	p = serve(t, "--data", data, "--config", config)
	if status, _, body := p.request(http.MethodGet, "/ready"); status != http.StatusServiceUnavailable {
		t.Errorf("ready on a full disk: %d %s", status, body)
	}
	say(t, p.services["echo"]).Close()
	if lost := p.sessions("lost"); len(lost) != 0 {
		t.Errorf("%d lost sessions were recorded without space", len(lost))
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what the crash left open is lost", func() bool { return len(p.sessions("lost")) >= left })
	eventually(t, "it is ready", func() bool {
		status, _, _ := p.request(http.MethodGet, "/ready")
		return status == http.StatusOK
	})
	defer say(t, p.services["echo"]).Close()
	eventually(t, "the next session is recorded", func() bool { return len(p.sessions("live")) > 0 })
}

// say connects to an echo and hears it.
func say(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	heard := make([]byte, 5)
	if _, err := io.ReadFull(c, heard); err != nil || !bytes.Equal(heard, []byte("hello")) {
		t.Fatalf("heard %q, with error %v", heard, err)
	}
	return c
}

// fill writes a file until its disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
