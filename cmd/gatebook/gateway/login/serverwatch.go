package login

import (
	"errors"
	"os"
	"sync"
	"time"
)

// errServerFirst is the error of a wait for the client that ended because the server has sent
// something, or has gone.
var errServerFirst = errors.New("the server came first")

// nextWatchingServer is like nextFromClient, but returns errServerFirst when the server sends
// something, or goes, before the client's packet is there. It must not be called while answers are
// carried, nor after TLS has begun with the server.
func (h *handshake) nextWatchingServer() ([]byte, error) {
	if h.fromServer.size() > 0 {
		return nil, errServerFirst
	}
	client, server := h.client.conn, h.fromServer.conn
	var watching sync.WaitGroup
	came := false
	watching.Go(func() {
		_ = h.client.session.Guard(func() error {
			if err := server.Peek(); !errors.Is(err, os.ErrDeadlineExceeded) {
				came = true
				_ = client.SetReadDeadline(time.Unix(1, 0))
			}
			return nil
		})
	})
	packet, err := h.nextFromClient()
	_ = server.SetReadDeadline(time.Unix(1, 0))
	watching.Wait()
	_ = server.SetReadDeadline(time.Time{})
	_ = client.SetReadDeadline(time.Time{})
	if errors.Is(err, os.ErrDeadlineExceeded) && came {
		return nil, errServerFirst
	}
	return packet, err
}
