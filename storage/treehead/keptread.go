package treehead

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"gatebook/internal/regular"
)

// Kept is a whole head in a file in which heads are kept. Whether a key has signed it is not checked.
type Kept struct {
	Signed []byte
	// Origin is the log that it names, Head what it says.
	Origin string
	Head   Head
	// Line is the line of the file with its first signature.
	Line int
}

// ErrNoHead reports a file that has no whole head.
var ErrNoHead = errors.New("no signed head")

// ReadKept calls f with each whole one of the signed heads in so many bytes of a file that heads were appended to, in their order, with or
// without empty lines between them, also behind a part of a head. Lines may end as Windows ends them. It has a few
// heads in memory at a time, however long the file is. torn is true where something follows the last head that is no
// whole one.
//
// A file without a head is an error ([ErrNoHead]), and so is a pipe or device. The error wraps [os.ErrNotExist] where
// there is no file. An error of f ends the reading and is returned.
func ReadKept(path string, size int64, f func(Kept) error) (torn bool, err error) {
	file, err := regular.Open(path)
	if err != nil {
		return false, err
	}
	r := &keptReader{from: bufio.NewReaderSize(io.LimitReader(file, size), fileBytes), f: f}
	err = errors.Join(r.read(), file.Close())
	switch {
	case err != nil:
	case r.lines == 0:
		err = fmt.Errorf("%s is empty: it has %w", path, ErrNoHead)
	case !r.found:
		err = fmt.Errorf("%s has %w: one is three lines (the log, the number of records, the root), an empty line, and a line with the signature", path, ErrNoHead)
	}
	return r.torn && r.found, err
}

// keptReader reads a file in which heads are kept, line by line.
type keptReader struct {
	from *bufio.Reader
	f    func(Kept) error

	lines  int // that were read
	before []string
	// signatures are the last lines that were read, where these are signatures.
	signatures  []string
	found, torn bool
}

func (r *keptReader) read() error {
	whole := true // the piece before was the end of a line
	for {
		b, err := r.from.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return err // a line that is longer than the buffer is no part of a head
		}
		if r.lines == 0 {
			b = bytes.TrimPrefix(b, []byte("\ufeff")) // of an editor
		}
		if len(b) > 0 {
			line := string(b)
			if errors.Is(err, io.EOF) { // as of a copy by hand; a signature shows whether it is whole
				line += "\n"
			}
			if whole {
				r.lines++
			}
			whole = b[len(b)-1] == '\n'
			if strings.HasSuffix(line, "\r\n") {
				line = line[:len(line)-2] + "\n"
			}
			if err := r.line(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return r.end(r.lines)
		}
	}
}

// line takes the next line of the file.
func (r *keptReader) line(line string) error {
	if isSignature(line) && len(r.signatures) < mostLines {
		r.signatures = append(r.signatures, line)
		return nil
	}
	if err := r.end(r.lines - 1); err != nil {
		return err
	}
	r.pass(line)
	return nil
}

// pass keeps a line that can belong to the next head.
func (r *keptReader) pass(line string) {
	r.torn = r.torn || strings.TrimSpace(line) != ""
	if r.before = append(r.before, line); len(r.before) > 2*mostLines {
		r.before = append(r.before[:0], r.before[mostLines-2:]...)
	}
}

// end takes the signatures that were read as those of a head. The last of them can be a part of a signature that runs on
// into the next head. last is the number of the last one's line.
func (r *keptReader) end(last int) error {
	signatures := r.signatures
	r.signatures = r.signatures[:0]
	for n := len(signatures); n > 0; n-- {
		kept := headOf(r.before, signatures[:n])
		if kept == nil {
			continue
		}
		r.found, r.torn, r.before = true, false, r.before[:0]
		for _, rest := range signatures[n:] {
			r.pass(rest)
		}
		kept.Line = last - len(signatures) + 1
		return r.f(*kept)
	}
	for _, rest := range signatures {
		r.pass(rest)
	}
	return nil
}

// mostLines bounds the lines of a head's text, and those of its signatures.
const mostLines = 100

// isSignature reports whether a line is a whole one and begins as a signature of a note does.
func isSignature(line string) bool {
	return strings.HasPrefix(line, "\u2014 ") && strings.HasSuffix(line, "\n")
}

// headOf returns the whole head that ends lines and has signatures, nil for none. Its text begins with the
// name of one of these, before which the line can have the rest of a head that was cut off.
func headOf(lines, signatures []string) *Kept {
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
			if kept := whole([]byte(text + strings.Join(signatures, ""))); kept != nil {
				return kept
			}
		}
	}
	return nil
}

// whole returns the head in a note with a whole signature, nil for any other text. It checks no key.
func whole(signed []byte) *Kept {
	_, err := note.Open(signed, note.VerifierList())
	unverified, ok := errors.AsType[*note.UnverifiedNoteError](err)
	if !ok {
		return nil
	}
	origin, head, err := parse(unverified.Note.Text)
	if err != nil {
		return nil
	}
	for _, s := range unverified.Note.UnverifiedSigs {
		b, err := base64.StdEncoding.DecodeString(s.Base64)
		if s.Name == origin && err == nil && len(b) == signatureBytes {
			return &Kept{Signed: signed, Origin: origin, Head: head}
		}
	}
	return nil
}

// signatureBytes is how long a signature of a note is: the hash of the key, and that of Ed25519.
const signatureBytes = 4 + 64
