//go:build linux && !race

package relay

import (
	"syscall"
	"unsafe"
)

// readSocket makes one read call on a socket that never waits.
func readSocket(fd int, p []byte) (int, error) { return call(syscall.SYS_READ, fd, p) }

// writeSocket makes one write call on a socket that never waits.
func writeSocket(fd int, p []byte) (int, error) { return call(syscall.SYS_WRITE, fd, p) }

// call makes a call without telling Go's scheduler of it. Told, the scheduler takes the
// processor away from a call that lasts longer than 20 µs, as a write to a neighbour on
// the same machine often does, and its watchman never sleeps: a quarter of what relaying
// costs. That is of use only where a call waits.
func call(trap uintptr, fd int, p []byte) (int, error) {
	n, _, failed := syscall.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if failed != 0 {
		return -1, failed
	}
	return int(n), nil
}
