package heads

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"gatebook/storage"
	"gatebook/storage/treehead"
)

// CheckHead returns a [*storage.GoneError] where the file of the newest head was removed, or has another content than
// the process has given it: the next start refuses such a log. A head that could not be written counts for nothing;
// its status says so.
func (h *Heads) CheckHead() error {
	h.signing.Lock()
	defer h.signing.Unlock()
	status := h.Status()
	if status.Err != nil || status.Signed == nil {
		return nil
	}
	if err := differs(h.o.Folder.Head(), status.Signed); err != nil {
		return &storage.GoneError{File: h.o.Folder.Head(), Err: fmt.Errorf(
			"%w. The next start refuses the log without its newest head; the server writes one with the next record", err)}
	}
	return nil
}

// differs returns why a file has not the content that it should have, nil where it has.
func differs(path string, want []byte) error {
	info, err := os.Lstat(path)
	var content []byte
	if err == nil && info.Mode().IsRegular() {
		content, err = treehead.ReadFile(path)
	}
	switch failed := (*os.PathError)(nil); {
	case errors.Is(err, os.ErrNotExist):
		return errors.New("it is missing")
	case errors.As(err, &failed):
		return fmt.Errorf("it cannot be read (%w)", failed.Err)
	case err != nil, !bytes.Equal(content, want):
		return errors.New("it is another file, or was changed")
	}
	return nil
}
