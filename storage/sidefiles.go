package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"gatebook/events"
	"gatebook/internal/regular"
	"gatebook/storage/boltfile"
	"gatebook/storage/tree"
	"gatebook/storage/treehead"
)

// nextKeyFile is where a new key is from before the log names it until it is the key.
const nextKeyFile = KeyFile + ".next"

// SideFileError reports a file beside the log that a backup cannot have: it is missing, damaged, or that of
// another log. A backup that has it already would lose it.
type SideFileError struct {
	File string
	Err  error
}

func (e *SideFileError) Error() string {
	return fmt.Sprintf("%s cannot be backed up: %v; nothing in the backup was replaced", e.File, e.Err)
}

// Unwrap returns what is wrong with the file.
func (e *SideFileError) Unwrap() error { return e.Err }

// sideFiles are the contents of files beside a log, by their names.
type sideFiles map[string][]byte

// readSideFiles reads the files of a folder that are there. A new key is read before the key, so that one of
// the two is the log's in the middle of a rotation.
func readSideFiles(folder string, secrets bool) (sideFiles, error) {
	all := make(sideFiles)
	names := []string{HeadFile}
	if secrets {
		names = append(names, nextKeyFile, KeyFile, AccountsFile)
	}
	for _, name := range names {
		content, err := readSideFile(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("back up: %w", err)
		}
		all[name] = content
	}
	return all, nil
}

func readSideFile(path string) ([]byte, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, sideFileBytes+1))
	if err == nil && len(content) > sideFileBytes {
		err = fmt.Errorf("%s has more than %d bytes", path, sideFileBytes)
	}
	return content, errors.Join(err, f.Close())
}

// sideFileCheck is what the files beside a log are checked with.
type sideFileCheck struct {
	folder  string // for errors; "" for files that were sent
	keys    treehead.Keys
	end     uint64 // of the log
	secrets bool
	// rootAt returns the root of the log's tree; nil where the records are still to be read, and the
	// head is compared with them then.
	rootAt func(size uint64) (tree.Hash, error)
	// accounts checks the content of the accounts; nil for none.
	accounts func(content []byte) error
}

// check returns a [*SideFileError] for a file that is not as the log needs it.
func (c *sideFileCheck) check(files sideFiles) error {
	keys := c.keys
	if c.secrets {
		own, err := c.key(files)
		if err != nil {
			return c.refuse(KeyFile, err)
		}
		if own != nil && len(keys.All) == 0 { // it was signed before its first record
			keys.All = []treehead.Key{{Public: own.Public()}}
		}
		content, there := files[AccountsFile]
		if there && c.accounts != nil {
			if err := c.accounts(content); err != nil {
				return c.refuse(AccountsFile, err)
			}
		}
	}
	if err := c.head(files, keys); err != nil {
		return c.refuse(HeadFile, err)
	}
	return nil
}

func (c *sideFileCheck) refuse(name string, err error) error {
	if isDamage(err) {
		return err // it is the log that is damaged
	}
	return &SideFileError{File: filepath.Join(c.folder, name), Err: err}
}

// key returns the key, which must be the newest that the log names; nil for a log that was never signed.
func (c *sideFileCheck) key(files sideFiles) (*treehead.Signer, error) {
	content, there := files[KeyFile]
	_, signed := files[HeadFile]
	n := len(c.keys.All)
	switch {
	case !there && n == 0 && !signed:
		return nil, nil
	case !there:
		return nil, errors.New("it is missing, and it is the key that signs the heads of this log; put it back from a copy")
	}
	own, err := treehead.ParseSigner(c.keys.Origin, content)
	if err == nil && n > 0 && own.Public() != c.keys.All[n-1].Public {
		err = fmt.Errorf("the log names %s as its key, and this is another; put the right one back",
			treehead.Verifier(c.keys.Origin, c.keys.All[n-1].Public))
	}
	return own, err
}

// head returns an error unless the head is signed by a key of the log, and is that of one of its trees where
// there is rootAt.
func (c *sideFileCheck) head(files sideFiles, keys treehead.Keys) error {
	signed, there := files[HeadFile]
	switch {
	case len(keys.All) == 0:
		return nil // nobody can say who has signed it
	case !there && len(c.keys.All) == 0:
		return nil
	case !there:
		return errors.New("it is missing, although the log was signed; put it back from a copy")
	}
	head, err := keys.Open(signed)
	if err != nil {
		return err
	}
	if head.Size > c.end {
		return fmt.Errorf("it was signed at record %d, and the log ends at record %d", head.Size, c.end)
	}
	if c.rootAt == nil {
		return nil // damage of a record is not to be taken for a wrong head
	}
	root, err := c.rootAt(head.Size)
	if err == nil && root != head.Root {
		err = fmt.Errorf("it was signed for %d other records than the first of this log", head.Size)
	}
	return err
}

// settleKey makes the new key of a rotation that was broken off the key, where the log names it already, and
// forgets it otherwise.
func (f sideFiles) settleKey(keys treehead.Keys) {
	next, there := f[nextKeyFile]
	delete(f, nextKeyFile)
	if !there || len(keys.All) == 0 {
		return
	}
	own, err := treehead.ParseSigner(keys.Origin, next)
	if err == nil && own.Public() == keys.All[len(keys.All)-1].Public {
		f[KeyFile] = next
	}
}

// rootIn returns the root of the tree over the first records of a log, of which a segment has the last, or
// begins after it.
func rootIn(s *segment, r *boltfile.Reader, size uint64) (tree.Hash, error) {
	edge, err := frontierIn(&blockReader{path: s.path, coder: new(events.Coder)}, r, s.first, size, new([]byte))
	return edge.Root(), err
}
