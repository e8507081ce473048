package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"gatebook/internal/owner"
	"gatebook/internal/regular"
	"gatebook/storage/boltfile"
)

// Folder is a data folder that this process has locked. The lock is on a file of its
// own: a database file can be replaced by a rename, and its lock would stay with the old
// file.
type Folder struct {
	// Path is the path of the folder.
	Path string
	lock *os.File // nil for a folder without a book
	// made and locked are true where the folder, and its lock file, were not there before.
	made, locked bool
}

// The names in a data folder.
const (
	logFolder   = "log"
	archiveFile = "book.db"
	lockFile    = "lock"
	// accountsFile is not this package's: it can be there before a book has begun.
	accountsFile = "accounts"
)

// Log returns the path of the log, a folder.
func (f *Folder) Log() string { return filepath.Join(f.Path, logFolder) }

// Archive returns the path of the archive.
func (f *Folder) Archive() string { return filepath.Join(f.Path, archiveFile) }

// Head returns the path of the newest signed head of the log.
func (f *Folder) Head() string { return filepath.Join(f.Path, HeadFile) }

// Key returns the path of the private key that signs heads.
func (f *Folder) Key() string { return filepath.Join(f.Path, KeyFile) }

// LockFolder locks a data folder for this process. It creates the folder when it does not
// exist, but never its parents. [Folder.Unlock] removes what it has created where nothing has begun
// in it. Errors: [*InUseError] and those of the system, wrapped.
func LockFolder(path string) (*Folder, error) {
	if path == "" {
		return nil, errors.New("the path of the folder is empty; name a folder")
	}
	made := true
	err := os.Mkdir(path, 0o700)
	if err == nil { // the folder's name must be as durable as the files in it
		err = boltfile.SyncFolder(filepath.Dir(path))
	} else if errors.Is(err, os.ErrExist) {
		made, err = false, nil
	}
	if err != nil {
		return nil, fmt.Errorf("create the folder %s: %w", path, err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s is a symbolic link that leads nowhere; name a folder, or remove the link", path)
	case err != nil:
		return nil, fmt.Errorf("lock the folder: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("%s is no folder", path)
	}
	if err := owner.Check(path); err != nil {
		return nil, err
	}
	created := true
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		if err = owner.Keep(lock.Name()); err != nil {
			return nil, errors.Join(err, lock.Close(), os.Remove(lock.Name()))
		}
	}
	if errors.Is(err, os.ErrExist) {
		created = false
		lock, err = regular.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	}
	if _, ok := errors.AsType[*regular.KindError](err); ok {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("folder %s cannot be written to: %w", path, err)
	}
	f, err := lockWith(lock, path)
	if err != nil {
		return nil, err
	}
	f.made, f.locked = made, created
	return f, nil
}

// makeFolder creates a folder that is for its owner alone.
func makeFolder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	return owner.Keep(path)
}

// CheckOwner returns an error where root could not give what it writes into the folder to its owner.
func (f *Folder) CheckOwner() error { return owner.Check(f.Path) }

// LockExisting locks a data folder that exists already, and creates nothing. In an empty
// folder, or one with accounts alone, no book has begun: nothing needs to be locked there.
// Errors: [*NoFolderError], [*InUseError], [*UnusableError] where a restore or an import has not
// finished, and those of the system, wrapped.
func LockExisting(path string) (*Folder, error) {
	f, err := lockExisting(path)
	if err != nil {
		return nil, err
	}
	// A part of a log must not be taken for all of it.
	if err := f.checkFinished(); err != nil {
		return nil, errors.Join(err, f.Unlock())
	}
	return f, nil
}

func lockExisting(path string) (*Folder, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &NoFolderError{Folder: path}
	}
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	lock, err := regular.OpenFile(filepath.Join(path, lockFile), os.O_RDWR, 0)
	if errors.Is(err, unix.EROFS) { // as of a backup on a disk that is mounted read-only
		lock, err = regular.Open(filepath.Join(path, lockFile))
	}
	if errors.Is(err, os.ErrNotExist) {
		if f := (&Folder{Path: path}); f.isBackup() { // one that was copied without the file
			return f, nil
		}
		if isThere((&Folder{Path: path}).Log()) {
			return nil, &NoFolderError{Folder: path, Unlocked: true}
		}
		accounts := slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == accountsFile })
		if len(entries) > 0 && !accounts {
			return nil, &NoFolderError{Folder: path, Foreign: true}
		}
		return &Folder{Path: path}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w", path, err)
	}
	return lockWith(lock, path)
}

// lockWith locks a folder by its lock file.
func lockWith(lock *os.File, path string) (*Folder, error) {
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = &InUseError{Folder: path, Backup: (&Folder{Path: path}).isBackup()}
		} else {
			err = fmt.Errorf("lock data folder %s: %w", path, err)
		}
		return nil, errors.Join(err, lock.Close())
	}
	// A process that has left the folder may have removed the file since it was opened.
	own, err := lock.Stat()
	if err == nil {
		var there os.FileInfo
		if there, err = os.Stat(lock.Name()); err == nil && !os.SameFile(own, there) || errors.Is(err, os.ErrNotExist) {
			err = &InUseError{Folder: path, Backup: (&Folder{Path: path}).isBackup()}
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Folder{Path: path, lock: lock}, nil
}

// CheckLock returns a [*GoneError] if the file that the folder is locked with was removed or replaced since.
func (f *Folder) CheckLock() error {
	if f.lock == nil {
		return nil
	}
	is, err := boltfile.IdentityOf(f.lock)
	if err == nil {
		err = is.Same(f.lock.Name())
	}
	if err != nil {
		return &GoneError{File: f.lock.Name(), Err: fmt.Errorf("%w. Nothing keeps other processes out of the folder but the lock of the newest segment; restart the server", err)}
	}
	return nil
}

// Unlock releases the lock, and only then closes its file. A child process that another
// goroutine is starting inherits the file for a moment, and would otherwise keep the lock
// for as long.
func (f *Folder) Unlock() error {
	if f.lock == nil {
		return nil
	}
	if f.locked && !f.begun() { // what cannot be removed is empty, and does no harm
		_ = os.Remove(f.lock.Name())
		if f.made {
			_ = os.Remove(f.Path) // fails where there is anything in it
		}
	}
	return errors.Join(unix.Flock(int(f.lock.Fd()), unix.LOCK_UN), f.lock.Close())
}

// begun reports whether there is a log in the folder, or the mark of a backup or of a folder that is filled.
func (f *Folder) begun() bool {
	for _, name := range []string{logFolder, archiveFile, backupMarkFile, restoreMarkFile} {
		if _, err := os.Lstat(filepath.Join(f.Path, name)); !errors.Is(err, os.ErrNotExist) {
			return true
		}
	}
	return false
}
