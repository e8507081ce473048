package control

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// longestPath is the longest path that is used as the address of a socket as it is. The
// system allows a few bytes more.
const longestPath = 100

// Dial connects to the socket at a path.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	var conn net.Conn
	err := shortened(path, func(short string) (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "unix", short)
		return err
	})
	return conn, err
}

// shortened calls use with a path of the same file that is short enough for the address of a
// socket. The path is of use during the call only.
func shortened(path string, use func(short string) error) error {
	if len(path) <= longestPath {
		return use(path)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return use(filepath.Join("/proc/self/fd", strconv.Itoa(int(folder.Fd())), filepath.Base(path)))
}
