package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"gatebook/events"
	"gatebook/internal/owner"
	"gatebook/internal/regular"
	"gatebook/internal/shell"
	"gatebook/storage/boltfile"
)

const (
	// backupMarkFile is the name of the file that says that a folder is a backup. A copy of it is in the
	// folder of the log, and keeps servers out of a log that is copied by hand.
	backupMarkFile = "backup.json"
	// restoreMarkFile is the name of the file that says that a restore into a folder, or an
	// import, has not finished.
	restoreMarkFile = "unfinished.json"
)

// BackupMark is what a backup says of itself.
type BackupMark struct {
	// Log is the identity of the log in hexadecimal.
	Log string `json:"log"`
	// Complete is false until the first backup into the folder has finished.
	Complete bool `json:"complete"`
	// Sequence is the last record of the backup, Recorded its time, Record the SHA-256 of its
	// core. The log in the folder has more where a later backup was broken off.
	Sequence uint64      `json:"sequence"`
	Recorded events.Time `json:"recorded"`
	Record   string      `json:"record"`
	// Taken is when the backup was begun, Version that of the program that took it.
	Taken   time.Time `json:"taken"`
	Version string    `json:"version"`
	// Secrets says that the key and the accounts are in the backup.
	Secrets bool `json:"secrets"`
	// Files has the SHA-256 of each file beside the log that is in the backup, by its name.
	Files map[string]string `json:"files,omitzero"`
	// Replacing is what Files is going to be, while a later backup replaces the files.
	Replacing map[string]string `json:"replacing,omitzero"`
	// InLog says that a copy of the mark is in the folder of the log.
	InLog bool `json:"in_log,omitzero"`
}

// ReadBackupMark reads the mark of a backup, or where that is missing or cannot be read its copy in the log. The error
// wraps [fs.ErrNotExist] for a folder that is no backup.
func ReadBackupMark(folder string) (*BackupMark, error) {
	f := &Folder{Path: folder}
	m, err := readMark(f.backupMark())
	if err == nil {
		return m, nil
	}
	inLog, failed := readMark(logMark(f.Log()))
	switch {
	case failed == nil:
		return inLog, nil
	case errors.Is(err, fs.ErrNotExist): // also where both are missing
		return nil, failed
	case errors.Is(failed, fs.ErrNotExist):
		return nil, fmt.Errorf("%w, and it has no copy in the log: use another backup, and back up into another folder", err)
	}
	return nil, fmt.Errorf("%w, and neither is its copy (%w): use another backup, and back up into another folder", err, failed)
}

// CheckBackupMark returns why the mark of a backup is not used, but its copy in the log; nil where the mark is
// used, or the folder is no backup.
func CheckBackupMark(folder string) error {
	f := &Folder{Path: folder}
	_, err := readMark(f.backupMark())
	if err == nil || !isThere(logMark(f.Log())) {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s is missing", f.backupMark())
	}
	return fmt.Errorf("%w; its copy %s is used, and gatebook backup writes it again", err, logMark(f.Log()))
}

// backupMark returns the path of the mark of a backup.
func (f *Folder) backupMark() string { return filepath.Join(f.Path, backupMarkFile) }

// logMark returns the path of the copy of the mark in the folder of a log.
func logMark(log string) string { return filepath.Join(log, backupMarkFile) }

// isBackup reports whether the mark of a backup is in the folder, or its copy in the log.
func (f *Folder) isBackup() bool { return isThere(f.backupMark()) || isThere(logMark(f.Log())) }

func readMark(path string) (*BackupMark, error) {
	b, err := regular.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the mark of a backup: %w", err)
	}
	m := new(BackupMark)
	if err := json.Unmarshal(b, m); err != nil || m.Log == "" {
		return nil, fmt.Errorf("%s is not what gatebook backup has written: %w", path, errors.Join(err, errors.New("it names no log")))
	}
	return m, nil
}

// UnusableError reports a folder that no server may use.
type UnusableError struct {
	Folder string
	// Backup is true for a backup, false for a restore or an import that did not finish.
	Backup bool
	// LogAlone is true for a backup without its own mark, of which the log alone says that it is one.
	LogAlone bool
	// Command is the command that did not finish.
	Command string
}

func (e *UnusableError) Error() string {
	if e.LogAlone {
		return fmt.Sprintf("%[1]s has the log of a backup, as %[2]s says, and a server in it would give numbers again that were given since: make a data folder of the backup with gatebook restore %[3]s --data FOLDER",
			e.Folder, logMark((&Folder{Path: e.Folder}).Log()), shell.Quote(e.Folder))
	}
	if e.Backup {
		return fmt.Sprintf("%s is a backup: restore it into another folder with gatebook restore %s --data FOLDER", e.Folder, shell.Quote(e.Folder))
	}
	return fmt.Sprintf("gatebook %s into %s did not finish: run it again", e.Command, e.Folder)
}

// unfinishedMark is the content of the mark of an unfinished restore or import.
type unfinishedMark struct {
	Command string `json:"command"`
}

// CheckUsable returns an [*UnusableError] for a folder that is a backup, or that was not restored
// to the end.
func (f *Folder) CheckUsable() error {
	if f.isBackup() {
		return &UnusableError{Folder: f.Path, Backup: true, LogAlone: !isThere(f.backupMark())}
	}
	return f.checkFinished()
}

// checkFinished returns an [*UnusableError] for a folder that was not restored, or imported, to the end.
func (f *Folder) checkFinished() error {
	command, there, err := f.unfinished()
	switch {
	case err != nil && there:
		return fmt.Errorf("%s has the mark of a restore or an import that did not finish, which cannot be read (%w): run that again", f.Path, err)
	case there:
		return &UnusableError{Folder: f.Path, Command: command}
	}
	return err
}

// unfinished returns the command that has begun to fill the folder and has not finished.
func (f *Folder) unfinished() (command string, there bool, err error) {
	b, err := regular.ReadFile(filepath.Join(f.Path, restoreMarkFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("data folder %s: %w", f.Path, err)
	}
	var m unfinishedMark
	if err := json.Unmarshal(b, &m); err != nil { // it is written by a rename
		return "", true, fmt.Errorf("%s: %w", restoreMarkFile, err)
	}
	return m.Command, true, nil
}

// isThere reports whether there is a file, as far as this process may look.
func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.ENOTDIR)
}

func isRegular(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// replaceFile writes a file completely or not at all, and makes it durable.
func replaceFile(path string, content []byte) error {
	temporary := path + ".new"
	err := writeFile(temporary, content)
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, boltfile.RemoveIfThere(temporary))
	}
	return boltfile.SyncFolder(filepath.Dir(path))
}

// writeFile writes a file that is readable to its owner alone, and syncs it.
func writeFile(path string, content []byte) error {
	if err := boltfile.RemoveIfThere(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = owner.Keep(path); err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func replaceJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(path, append(b, '\n'))
}
