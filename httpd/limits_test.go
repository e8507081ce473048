package httpd_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"gatebook/httpd"
)

// from connects to the API from another address of the loopback network.
func from(t *testing.T, client, address string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
	c, err := dialer.DialContext(t.Context(), "tcp", address)
	check(t, err)
	t.Cleanup(func() { c.Close() })
	check(t, c.SetDeadline(time.Now().Add(2*time.Minute)))
	return c
}

// untilCut writes to a connection again and again until the server has closed it. It fails
// when that takes too long.
func untilCut(t *testing.T, c net.Conn, what string, text []byte) {
	t.Helper()
	closed := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, c)
		closed <- err
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-closed:
			if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				t.Errorf("%s: was not cut off", what)
			}
			return
		case <-tick.C:
			if _, err := c.Write(text); err != nil {
				return
			}
		}
	}
}

// Clients that never finish a request are cut off, and others are served meanwhile.
func TestSlowAndEndlessClients(t *testing.T) {
	t.Parallel()
	address := serve(t, httpd.Config{Registry: openBook(t, newClock()), Limits: httpd.Limits{
		HeaderTime: 2 * time.Second, BodyTime: 2 * time.Second, Connections: 64, ConnectionsPerAddress: 32,
	}})
	var attackers []func()
	attack := func(what, opening string, text string) {
		for range 8 {
			c := from(t, "127.0.0.3", address)
			_, err := c.Write([]byte(opening))
			check(t, err)
			attackers = append(attackers, func() { untilCut(t, c, what, []byte(text)) })
		}
	}
	attack("one byte of a header at a time", "GET /sessions HTTP/1.1\r\nHost: localhost\r\nA: ", "x")
	attack("endless headers", "GET /sessions HTTP/1.1\r\nHost: localhost\r\n", strings.Repeat("A: "+strings.Repeat("x", 40)+"\r\n", 100))
	attack("an endless body", "DELETE /sessions/99 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n")
	attack("a body that does not come", "DELETE /sessions/99 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n", "")
	// There is no room for one more client of their address.
	turned := from(t, "127.0.0.3", address)
	answer, err := http.ReadResponse(bufio.NewReader(turned), nil)
	check(t, err)
	body, err := io.ReadAll(answer.Body)
	check(t, err)
	check(t, answer.Body.Close())
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "1" || !strings.HasPrefix(string(body), `{"error":"Too many connections"`) {
		t.Errorf("got %d %v: %s", answer.StatusCode, answer.Header, body)
	}
	for range 20 {
		if got := ask(t, client(t), http.MethodGet, "http://"+address+"/sessions"); got.status != http.StatusOK {
			t.Fatalf("another client got %d: %s", got.status, got.body)
		}
	}
	done := make(chan struct{})
	for _, attacker := range attackers {
		go func() { attacker(); done <- struct{}{} }()
	}
	for range attackers {
		<-done
	}
	// There is room again as soon as the server has noticed that the last one is gone.
	deadline := time.Now().Add(20 * time.Second)
	for room := 0; room < 32; {
		if health(t, from(t, "127.0.0.3", address)) == http.StatusOK {
			room++
		} else if time.Now().After(deadline) {
			t.Fatalf("afterwards there is room for %d", room)
		}
	}
}

// health requests /health on a connection, which stays open, and returns the status, 0 for
// none.
func health(t *testing.T, c net.Conn) int {
	t.Helper()
	// A connection that is turned away may be gone before this arrives.
	_, _ = fmt.Fprint(c, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	check(t, answer.Body.Close())
	return answer.StatusCode
}

// A hundred thousand headers are too many.
func TestManyHeaders(t *testing.T) {
	t.Parallel()
	address := serve(t, httpd.Config{Registry: openBook(t, newClock())})
	c := from(t, "127.0.0.1", address)
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, "GET /sessions HTTP/1.1\r\nHost: localhost\r\n"+strings.Repeat("A: b\r\n", 100_000)+"\r\n")
		sent <- err
	}()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	check(t, err)
	check(t, answer.Body.Close())
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d", answer.StatusCode)
	}
	c.Close()
	<-sent // it ends, one way or the other
}

// Connections that two addresses keep open and do not use give way to those of a third.
func TestIdleConnectionsGiveWay(t *testing.T) {
	t.Parallel()
	address := serve(t, httpd.Config{Registry: openBook(t, newClock()), Limits: httpd.Limits{
		Connections: 8, ConnectionsPerAddress: 4, HeaderTime: time.Minute,
	}})
	var kept []net.Conn
	for i := range 8 {
		c := from(t, fmt.Sprintf("127.0.0.%d", 2+i%2), address)
		if i < 6 { // two have sent nothing yet
			if got := health(t, c); got != http.StatusOK {
				t.Fatalf("connection %d: got %d", i, got)
			}
		}
		kept = append(kept, c)
	}
	third := from(t, "127.0.0.4", address)
	waitUntil(t, "the third address is served", func() bool {
		if health(t, third) == http.StatusOK {
			return true
		}
		third = from(t, "127.0.0.4", address)
		return false
	})
	closed := 0
	for _, c := range kept {
		check(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		if _, err := c.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			closed++
		}
	}
	if closed != 1 {
		t.Errorf("%d connections were closed for one", closed)
	}
	if got := health(t, from(t, "127.0.0.2", address)); got != http.StatusOK && got != http.StatusServiceUnavailable {
		t.Errorf("an address that has many: got %d", got)
	}
	if got := health(t, third); got != http.StatusOK {
		t.Errorf("the third one's connection was closed for it: got %d", got)
	}
}
