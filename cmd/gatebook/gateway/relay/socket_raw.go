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

// call makes a system call that Go's scheduler does not know of. From a call that it knows
// of and that lasts longer than 20 µs, as a write to the same machine often does, it takes
// the processor away, and sysmon never sleeps: that is a quarter of what relaying costs. It
// helps only where a call waits, which these do not.
func call(trap uintptr, fd int, p []byte) (int, error) {
	n, _, failed := syscall.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if failed != 0 {
		return -1, failed
	}
	return int(n), nil
}
