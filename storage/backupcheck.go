package storage

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"gatebook/internal/regular"
)

// backupFiles are the names of the files beside the log that a backup can have.
func backupFiles() []string { return []string{HeadFile, KeyFile, AccountsFile} }

// Check returns an error for a log that lacks what the backup says that it has.
func (m *BackupMark) Check(head uint64) error {
	switch {
	case !m.Complete:
		return errors.New("the first backup into the folder was broken off: it has only a part of the log; run gatebook backup again")
	case head < m.Sequence:
		return fmt.Errorf("the backup has records up to %d, and says that it has them up to %d: the rest was lost; run gatebook backup again, or restore another backup", head, m.Sequence)
	}
	return nil
}

// CheckBackup adds a fault to what was found of the log in a folder for each thing that a backup has when it
// is finished, and the folder has not or has otherwise. It adds none where the folder is no backup. Errors:
// those of the system.
func CheckBackup(f *Folder, v *Verified) error {
	mark, err := ReadBackupMark(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = CheckCopy(f, mark, v)
	}
	if err != nil || mark.Check(v.Head.Sequence) != nil {
		return err
	}
	mark.checkMarks(f, v)
	return mark.checkTail(f, v)
}

// checkMarks adds a fault where the mark, or its copy in the log, is missing or damaged.
func (m *BackupMark) checkMarks(f *Folder, v *Verified) {
	if _, err := readMark(f.backupMark()); err != nil {
		what := "it cannot be read: " + err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			what = "it is missing"
		}
		v.Faults = append(v.Faults, &CorruptError{File: f.backupMark(), Err: fmt.Errorf(
			"%s; gatebook restore goes by its copy %s, and gatebook backup writes it again", what, logMark(f.Log()))})
	}
	if !m.InLog { // it was made before backups had the copy
		return
	}
	inLog, err := readMark(logMark(f.Log()))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = errors.New("it is missing, and keeps servers out of a copy of the log; gatebook backup writes it again")
	case err == nil && !m.isCopy(inLog):
		err = fmt.Errorf("it is not as the backup has written it, %s is otherwise; gatebook backup writes both again", f.backupMark())
	}
	if err != nil {
		v.Faults = append(v.Faults, &CorruptError{File: logMark(f.Log()), Err: err})
	}
}

// isCopy reports whether another mark is a copy of the mark. A backup that was broken off while it wrote
// them has left two that differ, and both are right.
func (m *BackupMark) isCopy(other *BackupMark) bool {
	if other.Log != m.Log || m.Replacing != nil || other.Replacing != nil || !other.Taken.Equal(m.Taken) {
		return other.Log == m.Log
	}
	a, errA := json.Marshal(m)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// checkTail adds a fault where the file that says where the log ends is missing, or says nothing or less
// than the backup. [Verified] has a fault already where it says more than the log has.
func (m *BackupMark) checkTail(f *Folder, v *Verified) error {
	path := filepath.Join(f.Log(), tailName)
	fault := errors.New("it is missing, and every backup has it; gatebook backup writes it again")
	file, err := regular.Open(path)
	if err == nil {
		var end Head
		var said bool
		end, said, err = parseTail(file, v.ID)
		info, failed := file.Stat()
		err = errors.Join(err, failed, file.Close())
		switch {
		case !said || err == nil && info.Size() != int64(tailSize):
			fault = errors.New("it is not as the backup has written it; gatebook backup writes it again")
		case end.Sequence < m.Sequence:
			fault = fmt.Errorf("it says that the log ends at record %d, and the backup has records up to %d; gatebook backup writes it again", end.Sequence, m.Sequence)
		default:
			fault = nil
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("check the backup: %w", err)
	}
	if fault != nil {
		v.Faults = append(v.Faults, &CorruptError{File: path, Err: fault})
	}
	return nil
}

// CheckCopy adds a fault to what was found of the log in a folder, a backup or a copy of one, for
// each thing that the backup says that it has, and the folder has not or has otherwise: records, and
// the files beside the log. Errors: those of the system.
func CheckCopy(f *Folder, mark *BackupMark, v *Verified) error {
	if err := mark.Check(v.Head.Sequence); err != nil {
		// The rest follows from it. That the log ends too early is what the mark says, with another way out.
		rest := slices.DeleteFunc(v.Faults, func(fault *CorruptError) bool { return errors.Is(fault, errEndsEarly) })
		v.Faults = append([]*CorruptError{{File: f.Path, Err: err}}, rest...)
		return nil
	}
	if id := hex.EncodeToString(v.ID[:]); len(v.Faults) == 0 && mark.Log != id {
		v.Faults = append(v.Faults, &CorruptError{File: f.Log(), Err: fmt.Errorf("the backup says that it is of the log %s, and this is the log %s", mark.Log, id)})
	}
	if err := checkLastRecord(f, mark, v); err != nil {
		return err
	}
	for _, name := range backupFiles() {
		fault, err := mark.checkFile(f, name)
		if err != nil {
			return err
		}
		if fault != nil {
			v.Faults = append(v.Faults, &CorruptError{File: filepath.Join(f.Path, name), Err: fault})
		}
	}
	return nil
}

// checkLastRecord adds a fault where the record that the backup ended with is another.
func checkLastRecord(f *Folder, mark *BackupMark, v *Verified) error {
	if mark.Sequence == 0 || len(v.Faults) > 0 { // in a damaged log it may be another for that reason
		return nil
	}
	segments, err := listSegments(f.Log())
	if err != nil {
		return err
	}
	newest := 0
	for i, s := range segments {
		if s.first <= mark.Sequence {
			newest = i
		}
	}
	err = storedRecord(segments[newest].path, mark.Sequence, func(stored []byte) error {
		sum, err := coreSum(mark.Sequence, stored)
		if err == nil && sum != mark.Record {
			err = &CorruptError{File: f.Log(), Sequence: mark.Sequence, Err: fmt.Errorf("%s says that another record is there", backupMarkFile)}
		}
		return err
	})
	if corrupt, ok := errors.AsType[*CorruptError](err); ok {
		v.Faults = append(v.Faults, corrupt)
		return nil
	}
	return err
}

// checkFile returns what is wrong with a file beside the log.
func (m *BackupMark) checkFile(f *Folder, name string) (fault, err error) {
	content, err := regular.ReadFile(filepath.Join(f.Path, name))
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, fmt.Errorf("check the backup: %w", err)
	}
	if m.Files == nil { // it was made before backups had a list of their files
		if missing && m.Secrets && name != HeadFile {
			return fmt.Errorf("it is missing, and %s says that the backup has key and accounts", backupMarkFile), nil
		}
		return nil, nil
	}
	before, had := m.Files[name]
	after, has := m.Replacing[name]
	switch sum := fileSum(content); {
	case missing && (!had || m.Replacing != nil && !has):
		return nil, nil
	case missing:
		return errors.New("it is missing, and the backup was made with it"), nil
	case had && sum == before, has && sum == after:
		return nil, nil
	case !had && !has:
		return errors.New("it is not one of the backup's files"), nil
	}
	return errors.New("it is not as the backup has written it"), nil
}

// fileSum returns the SHA-256 of a file, as the mark has it.
func fileSum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
