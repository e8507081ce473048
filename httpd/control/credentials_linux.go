package control

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// peerOf returns the program at the other end, as the system knows it.
func peerOf(c *net.UnixConn) (Peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var found *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		found, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	switch {
	case err != nil:
		return Peer{}, err
	case failed != nil:
		return Peer{}, failed
	}
	return Peer{UID: found.Uid, PID: found.Pid}, nil
}

// ownerOf returns the owner and the group of a folder.
func ownerOf(folder string) (uid, gid uint32, err error) {
	info, err := os.Stat(folder)
	if err != nil {
		return 0, 0, err
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, fmt.Errorf("the system does not say who owns %s", folder)
	}
	return s.Uid, s.Gid, nil
}
