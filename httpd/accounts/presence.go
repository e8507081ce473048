package accounts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gatebook/internal/owner"
	"gatebook/internal/regular"
)

// presentMark is the content of the lock file while there are accounts. It outlives the file of
// accounts, which therefore cannot be lost unnoticed. A lock file without it says nothing: a
// change that failed leaves one too.
const presentMark = "The accounts of this folder are in the file accounts. Without that file no server starts.\n"

// lockPath returns the path of the lock file.
func (f File) lockPath() string { return filepath.Join(f.Folder, lockName) }

// checkAbsent returns a [*DamagedError] where the file is not there and should be: a symbolic link
// that leads nowhere is in its place, or there were accounts when it was last written.
func (f File) checkAbsent() error {
	if _, err := os.Lstat(f.Path()); err == nil {
		return f.damaged("it is a symbolic link to a file that is not there; %s", f.wayOut("remove the link and "+f.lockPath()))
	}
	info, err := os.Stat(f.lockPath())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("read accounts: %w", err)
	case info.Mode().IsRegular() && info.Size() == 0:
		return nil
	}
	return f.damaged("it is missing, and %s says that there are accounts; %s", f.lockPath(), f.wayOut("remove "+lockName+" too"))
}

// wayOut returns what an administrator can do about a file that is missing or empty.
func (f File) wayOut(without string) string {
	return "put it back from a backup, or " + without + " if there are to be no accounts: the API then serves every user of this machine without a login"
}

// markPresent notes in the lock file whether there are accounts. The caller has the folder to
// itself, or is the server that has.
func (f File) markPresent(present bool) error {
	want := int64(0)
	if present {
		want = int64(len(presentMark))
	}
	if info, err := os.Stat(f.lockPath()); err == nil && info.Size() == want || !present && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	file, err := regular.OpenFile(f.lockPath(), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("note whether there are accounts: %w", err)
	}
	err = owner.KeepFile(file, f.Folder)
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil && present {
		_, err = file.WriteString(presentMark)
	}
	if err = errors.Join(err, file.Sync(), file.Close(), syncFolder(f.Folder)); err != nil {
		return fmt.Errorf("note whether there are accounts: %w", err)
	}
	return nil
}
