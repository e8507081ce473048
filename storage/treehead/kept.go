package treehead

import (
	"errors"
	"os"

	"gatebook/internal/regular"
)

// AppendHead appends a signed head to a file, behind an empty line where there is something before
// it, and returns when that is durable. The rest of an append that failed stays apart from it. A
// pipe or device is refused: it keeps nothing, and opening one can block for ever.
func AppendHead(path string, signed []byte) error {
	between := separator(path)
	f, err := regular.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append([]byte(between), signed...))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// separator returns what ends the last line of a file and makes an empty one behind it. For a file
// that cannot be read that is both: too many empty lines do no harm.
func separator(path string) string {
	const both = "\n\n"
	f, err := regular.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		return both
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return both
	}
	end := make([]byte, min(info.Size(), int64(len(both))))
	if _, err := f.ReadAt(end, info.Size()-int64(len(end))); err != nil {
		return both
	}
	switch {
	case len(end) == 0 || string(end) == both:
		return ""
	case end[len(end)-1] == '\n':
		return "\n"
	}
	return both
}
