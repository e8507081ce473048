package httpd

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"

	"gatebook"
	"gatebook/httpd/render"
	"gatebook/storage"
)

// place returns which file is damaged, and at which record, without the path of its folder.
func place(fault *storage.CorruptError) string {
	text := "file " + filepath.Base(fault.File)
	if fault.Sequence != 0 {
		text += fmt.Sprintf(", record %d", fault.Sequence)
	}
	return text
}

// wayOut says what an administrator does about a damaged log.
const wayOut = "On the server gatebook verify names each fault; restore the file from a copy, or copy what is whole with gatebook verify --salvage."

// wayOutOf says what an administrator does about damage.
func wayOutOf(fault *storage.CorruptError) string {
	if _, forbidden := errors.AsType[*storage.ForbiddenError](fault); forbidden {
		return "The server may not read the file. Give it to the server's user, or mend its mode, as the server's log says; then run gatebook verify."
	}
	return wayOut
}

// damaged returns the failure of a request that needs what is damaged, nil for any other error.
func damaged(err error) *render.Failure {
	fault, ok := errors.AsType[*storage.CorruptError](err)
	if !ok || errors.Is(err, gatebook.ErrReadOnly) {
		return nil
	}
	return &render.Failure{
		Status: http.StatusInternalServerError, Title: "The log is damaged",
		Description: "What was asked for needs a part of the log that is damaged (" + place(fault) + "). What needs other parts is answered. " + wayOutOf(fault),
	}
}

// whyReadOnly says why the log takes no records, and what an administrator does about it.
func whyReadOnly(err error) string {
	const readable = " What is in the book can be read, and nothing that was acknowledged is lost by it. "
	if gone, ok := errors.AsType[*storage.GoneError](err); ok {
		return "The log takes no records, because its file " + filepath.Base(gone.File) + " was removed or replaced while it is in use." +
			" Put the right one back, and restart the server."
	}
	if fault, ok := errors.AsType[*storage.CorruptError](err); ok {
		return "The log takes no records, because damage was found before it would have been written over (" + place(fault) + ")." +
			" Restart the server, which then says at the start what is damaged. " + wayOut
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return "The log takes no records since a write failed. The system says: " + errno.Error() + "." + readable + "See to the disk, and restart the server."
	}
	return "The log takes no records since a write failed." + readable + "The server's log says why; restart the server."
}
