package heads

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"

	"gatebook/storage"
	"gatebook/storage/treehead"
)

// CheckHead returns a [*storage.GoneError] where the file of the newest head was removed, or has another content than
// the process has given it: the next start refuses such a log. A newer head that could not be written leaves the file
// as it was, and changes nothing of that.
func (h *Heads) CheckHead() error {
	h.signing.Lock()
	defer h.signing.Unlock()
	status := h.Status()
	if status.Signed == nil {
		return nil
	}
	err := differs(h.o.Folder.Head(), status.Signed)
	switch {
	case err != nil && status.Err != nil:
		err = fmt.Errorf("%w. The next start refuses the log without its newest head; the server tries each second to write one, and cannot: %s", err, (&HeadError{Err: status.Err}).Reason())
	case err != nil:
		err = fmt.Errorf("%w. The next start refuses the log without its newest head; the server writes one with the next record", err)
	default:
		return nil
	}
	return &storage.GoneError{File: h.o.Folder.Head(), Err: err}
}

// HeadError reports that the newest head could not be written. The file has an older one, or none.
type HeadError struct {
	File string
	Err  error
}

func (e *HeadError) Error() string {
	return fmt.Sprintf("the log's newest head could not be written; it is tried again: %v", e.Err)
}

// Unwrap returns why it could not be written.
func (e *HeadError) Unwrap() error { return e.Err }

// Reason returns why it could not be written, without the paths of files.
func (e *HeadError) Reason() string {
	if errno, ok := errors.AsType[syscall.Errno](e.Err); ok {
		return errno.Error()
	}
	return "the server's log says why"
}

// HeadErr returns a [*HeadError] while the newest head could not be written, nil otherwise.
func (h *Heads) HeadErr() error {
	if err := h.Status().Err; err != nil {
		return &HeadError{File: h.o.Folder.Head(), Err: err}
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
