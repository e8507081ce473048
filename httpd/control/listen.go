package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"gatebook/storage"
)

// Name is the name of the socket in a data folder.
const Name = "gatebook.sock"

// probeWait bounds how long it is tried whether another process listens at the socket.
const probeWait = 2 * time.Second

// Path returns the path of a data folder's socket.
func Path(folder string) string { return filepath.Join(folder, Name) }

// Listener accepts connections of the data folder's owner and of root.
type Listener struct {
	*net.UnixListener
	path     string
	made     os.FileInfo // the socket
	owner    uint32
	rejected func(Peer)
}

// Listen makes the socket of a data folder that the caller has locked. rejected is called
// for each client that is not let in. The error is an [*storage.InUseError] where another
// process listens there.
func Listen(folder string, rejected func(Peer)) (*Listener, error) {
	uid, gid, err := ownerOf(folder)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	path := Path(folder)
	if err := removeAbandoned(folder); err != nil {
		return nil, err
	}
	var inner *net.UnixListener
	err = shortened(path, func(short string) (err error) {
		inner, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	// The listener may know the socket by a path that is of no use later.
	inner.SetUnlinkOnClose(false)
	l := &Listener{UnixListener: inner, path: path, owner: uid, rejected: rejected}
	err = os.Chmod(path, 0o600)
	if err == nil && os.Geteuid() != int(uid) {
		err = os.Lchown(path, int(uid), int(gid))
	}
	if err == nil {
		l.made, err = os.Lstat(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), l.Close())
	}
	return l, nil
}

// removeAbandoned removes the socket that an earlier process has left behind. It returns an
// [*storage.InUseError] where a process listens at it: the lock of the folder was removed then, and
// the folder is that process's still.
func removeAbandoned(folder string) error {
	path := Path(folder)
	ctx, stop := context.WithTimeout(context.Background(), probeWait)
	defer stop()
	conn, err := Dial(ctx, path)
	if err == nil {
		return errors.Join(&storage.InUseError{Folder: folder}, conn.Close())
	}
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, context.DeadlineExceeded) { // it has no time
		return &storage.InUseError{Folder: folder}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("control socket: %w", err)
	}
	return nil
}

// Accept blocks until a client connects that is let in.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		peer, err := peerOf(accepted)
		if err == nil && (peer.UID == 0 || peer.UID == l.owner) {
			return &Conn{Conn: accepted, Peer: peer}, nil
		}
		l.rejected(peer)
		_ = accepted.Close() // the client learns that it is not wanted
	}
}

// Close closes the listener and removes its socket, unless another has taken its place.
func (l *Listener) Close() error {
	err := l.UnixListener.Close()
	if now, gone := os.Lstat(l.path); gone == nil && l.made != nil && !os.SameFile(now, l.made) {
		return err
	}
	if gone := os.Remove(l.path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, fmt.Errorf("control socket: %w", gone))
	}
	return err
}
