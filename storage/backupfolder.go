package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gatebook/internal/regular"
	"gatebook/storage/boltfile"
)

// incomingFolder is where files of a backup are until they are whole.
const incomingFolder = "incoming"

// BackupFolder is a folder that a backup is written to. It has a log at any time, as of an earlier
// backup or of a later moment. It is for one goroutine.
type BackupFolder struct {
	// Accounts checks the content of the accounts that are received; nil for no check.
	Accounts func(content []byte) error

	folder *Folder
	source string // the log that is backed up, "" where it is elsewhere
	ctx    context.Context
	pace   Pace
	begun  bool // there is a mark
	mark   BackupMark
	id     [16]byte // of the log, once begun

	// verifier has read the segments that are in the folder and sealed; before is the seal of
	// the last of them, nil for none.
	verifier *verifier
	before   *seal
	known    map[string]bool // names of the segments of the log that is backed up

	done, of int64 // bytes, for the pace
	result   BackupResult
}

// BackupResult is what a backup has done.
type BackupResult struct {
	BackupMark
	// Kept, Linked and Copied count the sealed segments that were there already, that share
	// their file with the log, and that were copied. Damaged counts those that were there and
	// were not as they were written; they have been replaced.
	Kept, Linked, Copied, Damaged int
	// Records is how many records of the newest segment were copied. Bytes is how many bytes
	// were copied, without those of links.
	Records uint64
	Bytes   int64
}

// OpenBackup locks the folder of a backup, and checks the segments that are there. It creates a
// folder that does not exist. Those that are hard links to the segments in source, the
// log that is backed up, are not read; source is "" for a log that is elsewhere. The pace is
// called with bytes that were copied. Errors: [*InUseError], [*NoFolderError] for a folder with
// other files, those of ctx and of the system.
func OpenBackup(ctx context.Context, path, source string, pace Pace) (*BackupFolder, error) {
	if err := refuseForeign(path); err != nil {
		return nil, err
	}
	locked, err := LockFolder(path)
	if inUse, ok := errors.AsType[*InUseError](err); ok {
		inUse.Backup = true // also where it has not begun
	}
	if err != nil {
		return nil, err
	}
	b := &BackupFolder{folder: locked, source: source, ctx: ctx, pace: pace, verifier: newVerifier(ctx, nil), known: make(map[string]bool)}
	if err := b.open(); err != nil {
		return nil, errors.Join(err, locked.Unlock())
	}
	return b, nil
}

// refuseForeign returns an error for a folder that is no backup and not empty.
func refuseForeign(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if (&Folder{Path: path}).isBackup() {
		return nil
	}
	for _, e := range entries {
		if e.Name() != lockFile && e.Name() != backupMarkFile+".new" {
			return fmt.Errorf("%s is no backup: %s is in it; name an empty folder, or one that does not exist", path, e.Name())
		}
	}
	return nil
}

func (b *BackupFolder) open() error {
	if err := os.RemoveAll(b.path(incomingFolder)); err != nil {
		return err
	}
	mark, err := ReadBackupMark(b.folder.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	id, err := hex.DecodeString(mark.Log)
	if err != nil || len(id) != len(b.id) {
		return fmt.Errorf("%s: %q is no identity of a log", b.path(backupMarkFile), mark.Log)
	}
	b.begun, b.mark = true, *mark
	copy(b.id[:], id)
	return b.check()
}

func (b *BackupFolder) path(name ...string) string {
	return filepath.Join(append([]string{b.folder.Path}, name...)...)
}

// check reads the sealed segments that are there, up to the first that is not whole.
func (b *BackupFolder) check() error {
	segments, err := listSegments(b.folder.Log())
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	if corrupt := (*CorruptError)(nil); errors.As(err, &corrupt) {
		return nil // the first is missing: all are copied again
	}
	if err != nil {
		return err
	}
	for _, s := range segments {
		if b.before != nil && s.first != b.before.Last+1 {
			return nil
		}
		own, err := b.checkOne(s)
		if corrupt := (*CorruptError)(nil); errors.As(err, &corrupt) || errors.Is(err, errOldSegment) {
			if corrupt != nil && !errors.Is(corrupt.Err, errNotSealed) {
				b.result.Damaged++
			}
			return nil // it, and all after it, are copied again
		}
		if err != nil {
			return err
		}
		b.result.Kept++
		b.accept(filepath.Base(s.path), own)
	}
	return nil
}

// checkOne reads a segment that is there: all of it, or what it says of itself where it is a
// link to the log's own file.
func (b *BackupFolder) checkOne(s *segment) (*seal, error) {
	if b.source != "" && sameFile(s.path, filepath.Join(b.source, filepath.Base(s.path))) {
		b.verifier.chainOnly = true
		defer func() { b.verifier.chainOnly = false }()
	}
	return b.verifier.checkedSegment(s.path, b.id)
}

// sameFile reports whether two paths are of one file.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// accept notes a sealed segment that is in the folder.
func (b *BackupFolder) accept(name string, own *seal) {
	b.before = own
	b.known[name] = true
}

// Have returns where the first segment begins that is not in the backup, and the hash of the
// seal before it: see [BackupRequest].
func (b *BackupFolder) Have() (from uint64, seal [sha256.Size]byte) {
	if b.before == nil {
		return 1, seal
	}
	return b.before.Last + 1, b.before.id()
}

// begin writes the mark of a first backup, or checks that the backup is one of the same log.
func (b *BackupFolder) begin(id [16]byte) error {
	if b.begun {
		if id != b.id {
			return &OtherHistoryError{fmt.Sprintf("%s is a backup of another log (%x, and this one is %x); name another folder", b.folder.Path, b.id, id)}
		}
		return nil
	}
	b.id, b.begun = id, true
	b.mark = BackupMark{Log: hex.EncodeToString(id[:])}
	if err := replaceJSON(b.folder.backupMark(), &b.mark); err != nil {
		return fmt.Errorf("begin the backup: %w", err)
	}
	return nil
}

// writeMark writes the mark of a backup, and its copy in the log.
func (b *BackupFolder) writeMark() error {
	b.mark.InLog = true
	if err := replaceJSON(logMark(b.folder.Log()), &b.mark); err != nil {
		return err
	}
	return replaceJSON(b.folder.backupMark(), &b.mark)
}

// makeFolders creates the folders of segments. The log has the mark before its first segment.
func (b *BackupFolder) makeFolders() error {
	for _, path := range []string{b.folder.Log(), b.path(incomingFolder)} {
		if err := makeFolder(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := replaceJSON(logMark(b.folder.Log()), &b.mark); err != nil {
		return err
	}
	return boltfile.SyncFolder(b.folder.Path)
}

// Link puts the segments of a log into the backup that are sealed and not in it, as hard links to
// the files in that folder where the file systems allow that, and otherwise as copies. A server
// may write the log meanwhile.
func (b *BackupFolder) Link(source string) error {
	segments, err := listSegments(source)
	if err != nil {
		return err
	}
	var missing []*segment
	from, _ := b.Have()
	for _, s := range segments[:len(segments)-1] { // the newest may be written
		if s.first < from {
			continue
		}
		info, err := os.Stat(s.path)
		if err != nil {
			return err
		}
		b.of += info.Size()
		missing = append(missing, s)
	}
	if len(segments) == 1 {
		return nil
	}
	if m, err := b.look(segments[0]); err != nil {
		return err
	} else if err := b.begin(m.id); err != nil {
		return err
	}
	if len(missing) == 0 {
		return nil
	}
	if err := b.makeFolders(); err != nil {
		return err
	}
	m, err := b.look(missing[0])
	if err != nil {
		return err
	}
	if b.before != nil && (m.previous == nil || *m.previous != *b.before) {
		return b.otherHistory(b.before.Last)
	}
	for _, s := range missing {
		if err := b.linkOne(s.path); err != nil {
			return err
		}
	}
	return nil
}

// look returns what a segment that nobody writes says of itself.
func (b *BackupFolder) look(s *segment) (m segmentMeta, err error) {
	err = s.view(func(r *boltfile.Reader) (err error) {
		m, err = readSegmentMeta(s.path, s.first, r)
		return err
	})
	return m, err
}

func (b *BackupFolder) otherHistory(sequence uint64) error {
	return &OtherHistoryError{fmt.Sprintf("%s is a backup of another history of this log: its record %d is another; name another folder", b.folder.Path, sequence)}
}

// linkOne puts one segment into the backup.
func (b *BackupFolder) linkOne(path string) error {
	to := b.path(incomingFolder, filepath.Base(path))
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	err = os.Link(path, to)
	if err == nil {
		b.result.Linked++
		if err := b.progressed(info.Size()); err != nil {
			return err
		}
	} else {
		if !cannotLink(err) {
			return fmt.Errorf("back up %s: %w", path, err)
		}
		f, err := regular.Open(path)
		if err != nil {
			return err
		}
		err = b.receiveFile(to, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("back up %s: %w", path, err)
		}
		b.result.Copied++
	}
	return b.install(to)
}

// cannotLink reports whether an error says that a file cannot have a link there.
func cannotLink(err error) bool {
	for _, no := range []error{unix.EXDEV, unix.EPERM, unix.EMLINK, unix.EOPNOTSUPP, unix.ENOSYS, unix.EACCES} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// progressed tells the pace that more bytes are in the backup.
func (b *BackupFolder) progressed(n int64) error {
	b.done += n
	if b.pace == nil {
		return nil
	}
	return b.pace(min(b.done, b.of), b.of)
}

// install checks a sealed segment that was received, and puts it into the backup.
func (b *BackupFolder) install(path string) error {
	own, err := b.verifier.checkedSegment(path, b.id)
	if errors.Is(err, errOldSegment) { // it was put back after the log had been brought up to date
		return fmt.Errorf("%s is of an older format than this gatebook writes: bring the log up to date with gatebook migrate, and back up again", filepath.Base(path))
	}
	if err != nil {
		return b.blame(path, err)
	}
	if from, _ := b.Have(); own.First != from {
		return fmt.Errorf("the segment that begins at record %d was sent in the place of record %d", own.First, from)
	}
	if n := b.mark.Sequence; n >= own.First && n <= own.Last {
		if err := b.sameRecord(path); err != nil {
			return err
		}
	}
	name := filepath.Base(path)
	if err := b.sameSeal(name, own); err != nil {
		return err
	}
	if err := os.Rename(path, b.path(logFolder, name)); err != nil {
		return err
	}
	b.accept(name, own)
	return boltfile.SyncFolder(b.folder.Log())
}

// sameSeal returns an error where the backup has a segment of that name with another seal. It comes after one that
// is damaged, and is whole in the history that was backed up before.
func (b *BackupFolder) sameSeal(name string, own *seal) error {
	m, err := b.look(&segment{path: b.path(logFolder, name), first: own.First})
	if err != nil || m.id != b.id || m.seal == nil || *m.seal == *own {
		return nil // what is damaged is replaced
	}
	return b.otherHistory(m.seal.Last)
}

// sameRecord returns an error unless the segment has the record that the backup ended with.
func (b *BackupFolder) sameRecord(path string) error {
	return storedRecord(path, b.mark.Sequence, b.compare)
}

// compare returns an error unless a record is the one that the backup ended with.
func (b *BackupFolder) compare(stored []byte) error {
	sum, err := coreSum(b.mark.Sequence, stored)
	if err == nil && sum != b.mark.Record {
		err = b.otherHistory(b.mark.Sequence)
	}
	return err
}

// Left returns what is in the folder of a backup that was broken off, and how to go on.
func (b *BackupFolder) Left() string {
	from, _ := b.Have()
	switch {
	case !b.begun:
		return "nothing is backed up"
	case b.mark.Complete:
		return fmt.Sprintf("%s has the backup of before, up to record %d; run gatebook backup again, and it goes on", b.folder.Path, max(b.mark.Sequence, from-1))
	case from == 1:
		return fmt.Sprintf("%s is a backup that has not finished, without a segment; run gatebook backup again", b.folder.Path)
	}
	return fmt.Sprintf("%s is a backup that has not finished, with the segments up to record %d; run gatebook backup again, and it goes on", b.folder.Path, from-1)
}

// Close removes what is not whole, and gives the folder back.
func (b *BackupFolder) Close() error {
	return errors.Join(os.RemoveAll(b.path(incomingFolder)), b.folder.Unlock())
}
