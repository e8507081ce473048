package storage

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"

	"gatebook/internal/owner"
	"gatebook/internal/regular"
	"gatebook/storage/boltfile"
)

const (
	// tailName is the name of the file in a log's folder.
	tailName  = "tail"
	tailMagic = "gatebook tail 1\n"
	tailSize  = len(tailMagic) + 16 + headSize + crc32.Size
)

// tail is a small file beside the segments that says where the log ended when it last
// acknowledged. It is written after each commit and before the acknowledgement, and never
// synced: a process that is killed leaves it as it was written, and only a loss of power can
// leave an older one, or none. A log that ends before its tail has lost records that it had
// acknowledged, and neither a crash nor a loss of power does that.
type tail struct {
	f    *os.File
	is   boltfile.Identity // of f
	id   [16]byte
	head Head // the zero Head if the file said nothing
	// written is true once something was written, and is to be synced at the end.
	written bool
	b       []byte
}

// openTail opens the tail of the log with that identity, and creates it where it is missing.
// The tail of another log, and one that a loss of power has torn, says nothing.
func openTail(folder string, id [16]byte) (*tail, error) {
	path := filepath.Join(folder, tailName)
	made := !isThere(path)
	f, err := regular.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil && made {
		if err = owner.Keep(path); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the log's tail: %w", err)
	}
	t := &tail{f: f, id: id}
	if t.is, err = boltfile.IdentityOf(f); err == nil {
		t.head, err = readTail(f, id)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return t, nil
}

// readTail reads the tail of the log with that identity; the zero Head where it says nothing.
func readTail(f *os.File, id [16]byte) (head Head, err error) {
	head, _, err = parseTail(f, id)
	return head, err
}

// parseTail is readTail. It returns false where the tail says nothing.
func parseTail(f *os.File, id [16]byte) (head Head, said bool, err error) {
	b := make([]byte, tailSize)
	if _, err := f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return head, false, fmt.Errorf("read the log's tail: %w", err)
	}
	if b, ok := openRow([]byte(tailName), b); ok && string(b[:len(tailMagic)]) == tailMagic && string(b[len(tailMagic):][:16]) == string(id[:]) {
		return decodeHead(b[len(tailMagic)+16:]), true, nil
	}
	return head, false, nil
}

// appendTail appends the content of the tail of a log.
func appendTail(b []byte, id [16]byte, end Head) []byte {
	return sealRow([]byte(tailName), end.append(append(append(b, tailMagic...), id[:]...)))
}

// createTail creates the tail of an empty log: the disk keeps room for it.
func createTail(folder string, id [16]byte) error {
	t, err := openTail(folder, id)
	if err != nil {
		return err
	}
	return errors.Join(t.write(Head{}), t.close())
}

// check returns a [*CorruptError] for a log that ends before its tail.
func (t *tail) check(folder string, end Head) error { return checkTail(folder, t.head, end) }

// errEndsEarly is why a log is damaged that ends before it has acknowledged.
var errEndsEarly = errors.New("the records between were lost, and not by a crash or a loss of power")

// checkTail returns a [*CorruptError] for a log that ends before it has acknowledged.
func checkTail(folder string, acknowledged, end Head) error {
	if end.Sequence >= acknowledged.Sequence {
		return nil
	}
	return &CorruptError{File: folder, Sequence: end.Sequence + 1, Err: fmt.Errorf(
		"it ends at record %d, and record %d was acknowledged (%s): %w. Restore them from a copy; to go on without them, remove the file %s",
		end.Sequence, acknowledged.Sequence, acknowledged.Recorded.Time().UTC().Format("2006-01-02 15:04:05 UTC"), errEndsEarly, filepath.Join(folder, tailName))}
}

// write says where the log ends.
func (t *tail) write(end Head) error {
	t.b = appendTail(t.b[:0], t.id, end)
	_, err := t.f.WriteAt(t.b, 0)
	switch {
	case err == nil:
		t.head, t.written = end, true
	case diskFull(err) == err:
		return fmt.Errorf("write the log's tail: %w", err)
	} // without space the older one stays, which is still true
	return nil
}

// close syncs what was written, so that it is right after a clean stop, and closes the file.
func (t *tail) close() error {
	if t == nil {
		return nil
	}
	var err error
	if t.written {
		err = t.f.Sync()
	}
	return errors.Join(err, t.f.Close())
}
