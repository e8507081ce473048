package gatebook

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gatebook/events"
	"gatebook/internal/owner"
	"gatebook/internal/regular"
)

// aliveInterval is how often the time is written to the file alive while this process has
// live sessions: so exact is the time at which a session that a crash ended was last known
// to be alive.
const aliveInterval = 2 * time.Second

// aliveFile holds the time at which this process was last known to be alive, beside the log
// and without a record. It is rewritten in place and never synced: after the death of the
// process its content is whole, after a loss of power it may be anything, and then its seal
// does not fit and it counts for nothing.
//
// The content is the log's identity (16 bytes), the time in microseconds since 1970 (8
// bytes, big-endian) and the CRC-32C of both (4 bytes, big-endian).
type aliveFile struct {
	log  [16]byte
	file *os.File
}

// aliveName is the name of the file in the data folder.
const aliveName = "alive"

const aliveSize = 16 + 8 + crc32.Size

// openAlive opens the file at path, which it creates where there is none, and returns the
// time in it: 0 where there is none, or none of this log.
func openAlive(path string, log [16]byte) (*aliveFile, events.Time, error) {
	file, err := regular.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open %s: %w", path, err)
	}
	if err := owner.KeepFile(file, filepath.Dir(path)); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open %s: %w", path, err), file.Close())
	}
	a := &aliveFile{log: log, file: file}
	var content [aliveSize]byte
	n, err := file.ReadAt(content[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, errors.Join(fmt.Errorf("read %s: %w", path, err), file.Close())
	}
	at := events.Time(binary.BigEndian.Uint64(content[16:]))
	if n < aliveSize || content != a.content(at) || at < 0 {
		at = 0
	}
	return a, at, nil
}

// content returns the content of the file for a time.
func (a *aliveFile) content(at events.Time) (b [aliveSize]byte) {
	copy(b[:], a.log[:])
	binary.BigEndian.PutUint64(b[16:], uint64(at))
	binary.BigEndian.PutUint32(b[24:], crc32.Checksum(b[:24], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// write notes that the process is alive at a time. One goroutine at a time may call it.
func (a *aliveFile) write(at events.Time) error {
	b := a.content(at)
	if _, err := a.file.WriteAt(b[:], 0); err != nil {
		return fmt.Errorf("note that the process is alive: %w", err)
	}
	return nil
}

func (a *aliveFile) close() error {
	if err := a.file.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}
