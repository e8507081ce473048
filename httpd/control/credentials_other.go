//go:build !linux

package control

import (
	"errors"
	"net"
)

// errUnsupported reports that there is no control socket on this system.
var errUnsupported = errors.New("this system does not say which user is at the other end of a socket")

func peerOf(*net.UnixConn) (Peer, error) { return Peer{}, errUnsupported }

func ownerOf(string) (uid, gid uint32, err error) { return 0, 0, errUnsupported }
