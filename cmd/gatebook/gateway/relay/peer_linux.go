package relay

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// HungUp reports whether the other end has announced that nothing more will come, also
// behind bytes that are not read yet. err is what broke the connection, if something did.
// Any goroutine may call it.
func (c *Conn) HungUp() (ended bool, err error) {
	failed := c.raw.Control(func(fd uintptr) {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if n, _ := unix.Poll(poll, 0); n < 1 {
			return
		}
		ended = poll[0].Revents&unix.POLLRDHUP != 0
		if poll[0].Revents&(unix.POLLERR|unix.POLLHUP) == 0 {
			return
		}
		if number, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); number != 0 {
			err = syscall.Errno(number)
		}
	})
	if failed != nil { // closed by us
		return false, nil
	}
	return ended, err
}

// Unacknowledged returns how many of the bytes written the other end has not acknowledged.
// Any goroutine may call it.
func (c *Conn) Unacknowledged() int {
	n := 0
	_ = c.raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
	return n
}
