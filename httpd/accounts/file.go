package accounts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatebook/internal/owner"
	"gatebook/internal/regular"
)

const (
	fileName = "accounts"
	lockName = "accounts.lock"
	// format is the format of the file that is written; formats.go reads older ones.
	format = 2
	// largest is how many bytes a file may have.
	largest = 16 << 20
)

// File is the file of accounts in a data folder.
type File struct {
	// Folder is the data folder.
	Folder string
	// By names the administrator that makes changes; it is recorded with them.
	By string
	// Cost is the cost of bcrypt; 0 means the default.
	Cost int
	// Now is the clock; nil means the system's.
	Now func() time.Time
}

// The changes of accounts, as they are recorded.
const (
	changedAdded    = "added"
	changedPassword = "password"
	changedToken    = "token"
	changedRevoked  = "token_revoked"
	changedRemoved  = "removed"
)

// Change is a change of accounts that is to be recorded.
type Change struct {
	// What names the change: "added", "password", "token", "token_revoked" or "removed".
	What    string    `json:"what"`
	Account string    `json:"account"`
	Role    Role      `json:"role"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// DamagedError reports that the file cannot be used. Such a file is never taken for one
// without accounts.
type DamagedError struct {
	Path string
	Why  string
}

// Error returns the path and what is wrong with the file.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("accounts file %s cannot be used: %s", e.Path, e.Why)
}

// content is the content of the file.
type content struct {
	// Accounts are in ascending order of key.
	Accounts []Account `json:"accounts"`
	// Unrecorded holds the changes that are not in the log, oldest first.
	Unrecorded []Change `json:"unrecorded,omitempty"`
}

// envelope is the file: its content with a checksum.
type envelope struct {
	Format  int             `json:"format"`
	SHA256  string          `json:"sha256"`
	Content json.RawMessage `json:"content"`
}

// Path returns the path of the file.
func (f File) Path() string { return filepath.Join(f.Folder, fileName) }

// List returns all accounts, in ascending order of name. Without a file there are none;
// without a data folder List returns an error.
func (f File) List() ([]Account, error) {
	c, info, err := f.read()
	if err == nil && info == nil {
		if _, err := os.Stat(f.Folder); errors.Is(err, fs.ErrNotExist) {
			return nil, f.noFolder()
		}
	}
	return c.Accounts, err
}

// noFolder returns the error for a data folder that does not exist, which is not the same as
// no accounts.
func (f File) noFolder() error {
	return fmt.Errorf("there is no data folder %s; name the right one with --data", f.Folder)
}

// read reads the file. The FileInfo is nil when there is none. Errors: [*DamagedError] also for one
// that is missing and should be there, and those of the system, wrapped.
func (f File) read() (content, os.FileInfo, error) {
	file, err := regular.Open(f.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return content{}, nil, f.checkAbsent()
	}
	if other, ok := errors.AsType[*regular.KindError](err); ok {
		return content{}, nil, f.damaged("it is no regular file (%s)", regular.Kind(other.Mode))
	}
	if err != nil {
		return content{}, nil, fmt.Errorf("read accounts: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return content{}, nil, fmt.Errorf("read accounts: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return content{}, info, f.damaged("others can read it (mode %04o); say chmod 600 %s", info.Mode().Perm(), f.Path())
	}
	text, err := io.ReadAll(io.LimitReader(file, largest+1))
	if err != nil {
		return content{}, nil, fmt.Errorf("read accounts: %w", err)
	}
	c, err := f.parse(text)
	return c, info, err
}

// Check returns an error for text that is not what a file of accounts has.
func Check(text []byte) error {
	_, err := File{}.parse(text)
	if damaged, ok := errors.AsType[*DamagedError](err); ok {
		return errors.New(damaged.Why)
	}
	return err
}

// damaged returns a [*DamagedError].
func (f File) damaged(format string, args ...any) error {
	return &DamagedError{Path: f.Path(), Why: fmt.Sprintf(format, args...)}
}

// parse reads the text of a file.
func (f File) parse(text []byte) (content, error) {
	var e envelope
	switch err := strictly(text, &e); {
	case len(text) == 0:
		return content{}, f.damaged("it is empty; %s", f.wayOut("remove it and "+f.lockPath()))
	case len(text) > largest:
		return content{}, f.damaged("it is larger than %d bytes", largest)
	case err != nil:
		return content{}, f.damaged("%v; restore it from a backup", err)
	case e.Format > format:
		return content{}, f.damaged("its format is %d, newer than the format %d that this program knows; use the version that wrote it, or a newer one", e.Format, format)
	case e.Format < 1:
		return content{}, f.damaged("its format is %d, this program knows 1 to %d", e.Format, format)
	}
	if sum := sha256.Sum256(e.Content); e.SHA256 != hex.EncodeToString(sum[:]) {
		return content{}, f.damaged("its checksum is wrong, so something other than gatebook user has changed it; restore it from a backup")
	}
	c, err := readContent(e.Format, e.Content)
	if err != nil {
		return content{}, f.damaged("%v", err)
	}
	for i, a := range c.Accounts {
		if err := a.check(); err != nil {
			return content{}, f.damaged("%v", err)
		}
		if i > 0 && keyOf(c.Accounts[i-1].Name) >= keyOf(a.Name) {
			return content{}, f.damaged("account %s is out of order, or there twice", a.Name)
		}
	}
	return c, nil
}

// strictly decodes JSON, and returns an error for unknown members and for text after it.
func strictly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("it is cut short")
		}
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after its end")
	}
	return nil
}

// render returns the text of a file.
func render(c content) ([]byte, error) {
	slices.SortFunc(c.Accounts, func(a, b Account) int { return strings.Compare(keyOf(a.Name), keyOf(b.Name)) })
	inner, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(inner)
	text, err := json.Marshal(envelope{Format: format, SHA256: hex.EncodeToString(sum[:]), Content: inner})
	return append(text, '\n'), err
}

// write replaces the file. The caller holds the lock.
func (f File) write(c content) error {
	text, err := render(c)
	if err != nil {
		return fmt.Errorf("write accounts: %w", err)
	}
	temporary := f.Path() + ".new"
	// An earlier attempt may have left a file that was never in use.
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("write accounts: %w", err)
	}
	err = writeSynced(temporary, text)
	if err == nil {
		err = os.Rename(temporary, f.Path())
	}
	if err == nil {
		err = syncFolder(f.Folder)
	}
	if err != nil {
		return fmt.Errorf("write accounts: %w", err)
	}
	return nil
}

// writeSynced writes a new file and syncs it.
func writeSynced(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = owner.KeepFile(file, filepath.Dir(path)); err == nil {
		_, err = file.Write(text)
	}
	return errors.Join(err, file.Sync(), file.Close())
}

// syncFolder syncs a folder, which makes a rename in it durable.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
