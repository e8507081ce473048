package relay

import (
	"errors"
	"io"
	"syscall"
	"time"
)

// Await blocks until the other end has sent something, and takes nothing of it. The
// error is io.EOF when the other end hung up instead, and os.ErrDeadlineExceeded when d is
// over.
func (c *Conn) Await(d time.Duration) error {
	if err := c.SetReadDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	return errors.Join(c.Peek(), c.SetReadDeadline(time.Time{}))
}

// Peek is like [Conn.Await], until the deadline that was set for reads.
func (c *Conn) Peek() error {
	var failed error
	err := c.raw.Read(func(fd uintptr) bool {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
		switch {
		case errors.Is(err, syscall.EAGAIN):
			return false
		case err != nil:
			failed = err
		case n == 0:
			failed = io.EOF
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return err
}
