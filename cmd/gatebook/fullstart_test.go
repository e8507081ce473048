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
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStartOnFullDisk starts the server on a full disk, after a crash that has left a session
// open. It answers, says why it is not ready, and relays what need not be recorded; when
// there is space it records.
func TestStartOnFullDisk(t *testing.T) {
	disk := smallDisk(t, "4m")
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

// smallDisk returns a folder that is a disk of that size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small disk cannot be mounted, which takes root and mount(2): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// TestStartWithoutArchiveOnFullDisk starts servers on full disks, whose archive is missing, is
// empty, or has room for its beginning alone. They answer from the log what needs no archive, and
// everything else once there is space.
func TestStartWithoutArchiveOnFullDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		sessions int
		prepare  func(t *testing.T, archive, ballast string)
		size     string
		memory   int // the status of the answer about an ended session
	}{
		{name: "missing", sessions: 70_000, size: "64m", prepare: func(*testing.T, string, string) {}, memory: http.StatusServiceUnavailable},
		{name: "empty", sessions: 5000, size: "20m", prepare: func(t *testing.T, archive, _ string) {
			if err := os.WriteFile(archive, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, memory: http.StatusOK},
		{name: "no room for all of it", sessions: 70_000, size: "64m", prepare: func(t *testing.T, _, ballast string) {
			info, err := os.Stat(ballast)
			if err == nil {
				err = os.Truncate(ballast, info.Size()-1<<20)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, memory: http.StatusOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			book := largeBook(t, c.sessions)
			disk := smallDisk(t, c.size)
			data, ballast := filepath.Join(disk, "data"), filepath.Join(disk, "ballast")
			if err := os.CopyFS(data, os.DirFS(book)); err != nil {
				t.Fatal(err)
			}
			fill(t, ballast)
			c.prepare(t, filepath.Join(data, "book.db"), ballast)
			p := serve(t, "--data", data)
			eventually(t, "it says that the disk is full", func() bool {
				status, _, body := p.request(http.MethodGet, "/ready")
				return status == http.StatusServiceUnavailable && strings.Contains(body, "the disk is full")
			})
			if status, _, body := p.request(http.MethodGet, "/sessions?status=live"); status != http.StatusOK {
				t.Errorf("live sessions: %d %s", status, body)
			}
			if status, _, body := p.request(http.MethodGet, "/sessions/1"); status != c.memory {
				t.Errorf("an ended session: %d %s, want %d", status, body, c.memory)
			}
			if status, header, body := p.request(http.MethodGet, "/sessions?status=closed"); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
				t.Errorf("ended sessions: %d %s, Retry-After %q", status, body, header.Get("Retry-After"))
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is ready", func() bool {
				status, _, _ := p.request(http.MethodGet, "/ready")
				return status == http.StatusOK
			})
			_, header, _ := p.request(http.MethodGet, "/sessions?status=closed&service=orders&count=true&limit=1")
			if n := header.Get("X-Total-Count"); n != fmt.Sprint(c.sessions) {
				t.Errorf("%s sessions have ended, want %d", n, c.sessions)
			}
			if status, _, body := p.request(http.MethodGet, "/sessions/1"); status != http.StatusOK {
				t.Errorf("an ended session: %d %s", status, body)
			}
		})
	}
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
