package treehead

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"

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

// Kept is what a file has in which heads are kept.
type Kept struct {
	// Signed is the last whole head.
	Signed []byte
	// Torn is true where something follows it that is no whole head.
	Torn bool
}

// ReadKept returns the last whole one of the signed heads in a file that heads were appended to, with or
// without empty lines between them, also behind a part of a head. Lines may end as Windows ends them. Whether a key has signed the head is not
// checked. The error wraps [os.ErrNotExist] where there is no file.
func ReadKept(path string) (Kept, error) {
	f, err := os.Open(path)
	if err != nil {
		return Kept{}, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > fileBytes {
		_, err = f.Seek(-fileBytes, io.SeekEnd)
	}
	var content []byte
	if err == nil {
		content, err = io.ReadAll(io.LimitReader(f, fileBytes))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return Kept{}, err
	}
	kept := lastWhole(content)
	switch {
	case len(content) == 0:
		err = fmt.Errorf("%s is empty: it has no signed head", path)
	case kept.Signed == nil:
		err = fmt.Errorf("%s has no signed head: one is three lines (the log, the number of records, the root), an empty line, and a line with the signature", path)
	}
	return kept, err
}

// lastWhole returns the last whole head in a text. Signed is nil where there is none.
func lastWhole(content []byte) Kept {
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // of an editor
	content = bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	if !bytes.HasSuffix(content, []byte("\n")) { // as of a copy by hand; a signature shows whether it is whole
		content = append(content, '\n')
	}
	lines := strings.SplitAfter(string(content), "\n")
	for last := len(lines) - 1; last >= 0; last-- {
		if !isSignature(lines[last]) {
			continue
		}
		first := last
		for first > 0 && isSignature(lines[first-1]) {
			first--
		}
		// The last signature can be a part that runs on into the next head.
		for end := min(last, first+mostLines); end >= first; end-- {
			if signed := headOf(lines[:first], lines[first:end+1]); signed != nil {
				return Kept{Signed: signed, Torn: strings.TrimSpace(strings.Join(lines[end+1:], "")) != ""}
			}
		}
		last = first
	}
	return Kept{}
}

// mostLines bounds the lines of a head's text, and those of its signatures.
const mostLines = 100

// isSignature reports whether a line is a whole one and begins as a signature of a note does.
func isSignature(line string) bool {
	return strings.HasPrefix(line, "\u2014 ") && strings.HasSuffix(line, "\n")
}

// headOf returns the whole head that ends lines and has signatures, nil for none. Its text begins with the
// name of one of these, before which the line can have the rest of a head that was cut off.
func headOf(lines, signatures []string) []byte {
	end := len(lines) - 1
	if end < 0 || lines[end] != "\n" {
		return nil
	}
	for at := end - 1; at >= max(end-mostLines, 0) && lines[at] != "\n"; at-- {
		for _, s := range signatures {
			_, name, _ := strings.Cut(s, " ")
			name, _, _ = strings.Cut(name, " ")
			if name == "" || !strings.HasSuffix(lines[at], name+"\n") {
				continue
			}
			text := name + "\n" + strings.Join(lines[at+1:], "")
			if signed := []byte(text + strings.Join(signatures, "")); isWhole(signed) {
				return signed
			}
		}
	}
	return nil
}

// isWhole reports whether a note is a head with a whole signature. It checks no key.
func isWhole(signed []byte) bool {
	_, err := note.Open(signed, note.VerifierList())
	unverified, ok := errors.AsType[*note.UnverifiedNoteError](err)
	if !ok {
		return false
	}
	origin, _, err := parse(unverified.Note.Text)
	if err != nil {
		return false
	}
	for _, s := range unverified.Note.UnverifiedSigs {
		b, err := base64.StdEncoding.DecodeString(s.Base64)
		if s.Name == origin && err == nil && len(b) == signatureBytes {
			return true
		}
	}
	return false
}

// signatureBytes is how long a signature of a note is: the hash of the key, and that of Ed25519.
const signatureBytes = 4 + 64
