package gateway

import (
	"net"
	"os"
	"strconv"
	"syscall"
	"testing"

	"gatebook/cmd/gatebook/gateway/relay"
)

// TestKeepAlive checks that both sockets of a session have keepalive, so that a peer
// which is gone without a FIN is found out within two minutes.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	r := newHarness(t, TCP, nil, newStubServer(t, echo).address())
	client := r.dial()
	client.send([]byte("hello"))
	client.want("hello")
	s := r.only()
	s.mu.Lock()
	server := s.server
	s.mu.Unlock()
	for side, conn := range map[string]*relay.Conn{"client": s.client, "server": server} {
		fd := socketOf(t, conn)
		for _, option := range []struct {
			name                string
			level, number, want int
		}{
			{"SO_KEEPALIVE", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
			{"TCP_KEEPIDLE", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, 60},
			{"TCP_KEEPINTVL", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, 15},
			{"TCP_KEEPCNT", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 4},
		} {
			if got, err := syscall.GetsockoptInt(fd, option.level, option.number); got != option.want || err != nil {
				t.Errorf("%s: %s is %d, %v; want %d", side, option.name, got, err, option.want)
			}
		}
	}
}

// socketOf finds the descriptor of a connection by its two ends.
func socketOf(t *testing.T, conn *relay.Conn) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	port := func(a net.Addr) int { return a.(*net.TCPAddr).Port }
	for _, entry := range list {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		here, _ := syscall.Getsockname(fd)
		there, _ := syscall.Getpeername(fd)
		h, ok := here.(*syscall.SockaddrInet4)
		p, has := there.(*syscall.SockaddrInet4)
		if ok && has && h.Port == port(conn.LocalAddr()) && p.Port == port(conn.RemoteAddr()) {
			return fd
		}
	}
	t.Fatal("the connection has no descriptor")
	return 0
}
