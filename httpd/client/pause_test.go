package client_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"gatebook/httpd/client"
)

// served answers each request on a listener with a head and what send writes.
func served(t *testing.T, network, address string, send func(io.Writer)) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096)) // the request
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nConnection: close\r\n\r\nbegun")
			send(c)
			_ = c.Close() // the client may have closed it
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // a listener of a socket's file removes it
		<-ended
	})
	return l
}

// TestStall has a server send nothing any more in the middle of an answer, over the network and at a control
// socket: the answer ends with an error that says so.
func TestStall(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			address := "127.0.0.1:0"
			o := client.Options{Pause: 100 * time.Millisecond}
			if network == "unix" {
				address = filepath.Join(t.TempDir(), "s")
				o.Socket = address
			}
			gone := make(chan struct{})
			l := served(t, network, address, func(io.Writer) { <-gone })
			defer close(gone)
			url := "http://localhost"
			if network == "tcp" {
				url = "http://" + l.Addr().String()
			}
			c, err := client.New(url, o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			stream, err := c.Backup(t.Context(), 1, [32]byte{}, false)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(stream)
			stalled, ok := errors.AsType[*client.StalledError](err)
			if string(got) != "begun" || !ok || stalled.Address != c.Address() || stalled.After != o.Pause {
				t.Errorf("got %q, %v", got, err)
			}
			if err := stream.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNoStall has a server send a byte from time to time, and a caller that takes its time: neither is a server
// that has stopped.
func TestNoStall(t *testing.T) {
	t.Parallel()
	const bytes, limit = 20, time.Second
	l := served(t, "tcp", "127.0.0.1:0", func(to io.Writer) {
		for range bytes {
			<-time.After(limit / 10)
			_, _ = io.WriteString(to, "x") // what the client has got is compared
		}
	})
	c, err := client.New("http://"+l.Addr().String(), client.Options{Pause: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stream, err := c.Backup(t.Context(), 1, [32]byte{}, false)
	if err != nil {
		t.Fatal(err)
	}
	<-time.After(limit + limit/5) // the caller is busy
	got, err := io.ReadAll(stream)
	if err != nil || len(got) != len("begun")+bytes {
		t.Errorf("got %q, %v", got, err)
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
}
