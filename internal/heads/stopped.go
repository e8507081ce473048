package heads

import (
	"errors"
	"fmt"
	"os"

	"gatebook/storage"
	"gatebook/storage/treehead"
)

// CheckStopped returns a [*storage.CorruptError] for a log, which no process has open, that does not contain the head
// in its folder, and for a head that no key of the log has signed. A head that is missing is an error only where it is
// required and the log names a key. It reads at most 256 records.
func CheckStopped(f *storage.Folder, log *storage.LogInfo, required bool) error {
	keys, err := KeysOfFolder(f)
	if err != nil || len(keys.All) == 0 { // nobody can say who has signed it
		return err
	}
	signed, err := treehead.ReadFile(f.Head())
	if errors.Is(err, os.ErrNotExist) {
		named, err := storage.KeysOf(f.Log())
		if err != nil || !required || len(named.All) == 0 {
			return err
		}
		return &storage.CorruptError{File: f.Head(), Err: errors.New("it is missing, although the log was signed; put it back from a copy")}
	}
	if err != nil {
		return fmt.Errorf("read the log's head: %w", storage.Unreadable(f.Head(), err))
	}
	head, err := keys.Open(signed)
	if err != nil {
		return &storage.CorruptError{File: f.Head(), Err: err}
	}
	if head.Size > log.Head.Sequence {
		return &storage.CorruptError{File: f.Log(), Err: rolledBack(log.Head.Sequence, head.Size)}
	}
	root, known, err := f.RootAt(log, head.Size)
	if err == nil && known && root != head.Root {
		err = &storage.CorruptError{File: f.Log(), Err: otherHistory(head.Size)}
	}
	return err
}
