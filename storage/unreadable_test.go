package storage

import (
	"io/fs"
	"syscall"
	"testing"
)

// TestUnreadableSectorIsDamage tells a disk that cannot read a part of a file from a read that
// failed for another reason.
func TestUnreadableSectorIsDamage(t *testing.T) {
	t.Parallel()
	from := blockReader{path: "segment.db"}
	for errno, damage := range map[syscall.Errno]bool{syscall.EIO: true, syscall.EINTR: false, syscall.ENOMEM: false, syscall.ESTALE: false} {
		err := from.corrupt(5, &fs.PathError{Op: "read", Path: "segment.db", Err: errno})
		if isDamage(err) != damage {
			t.Errorf("%v is damage: %t", err, !damage)
		}
	}
}
