package storage

import (
	"archive/tar"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gatebook/internal/owner"
	"gatebook/storage/boltfile"
)

// errCut is the error of a stream that ends too early.
var errCut = errors.New("the stream of the backup ends before its end: it was cut; run gatebook backup again, and it goes on. " +
	"Where it ends there again, the server's log says why")

// Receive takes what [Bolt.Backup] has written into the backup, and completes it. When it returns
// without an error the backup is durable.
func (b *BackupFolder) Receive(from io.Reader) (*BackupResult, error) {
	r := &backupReceiver{BackupFolder: b, tar: tar.NewReader(from), side: make(sideFiles)}
	err := r.receive()
	if r.slice != nil {
		_, failed := r.slice.close()
		err = errors.Join(err, failed)
	}
	if err != nil {
		return nil, err
	}
	return &b.result, nil
}

// backupReceiver reads the stream of one backup.
type backupReceiver struct {
	*BackupFolder
	tar     *tar.Reader
	entries int
	plan    BackupPlan
	slice   *sliceWriter // nil before the first piece
	side    sideFiles
	checked bool // side was checked by itself
}

func (r *backupReceiver) receive() error {
	h, err := r.next()
	if err != nil {
		return err
	}
	if h.Name != planEntry {
		return fmt.Errorf("the stream of the backup begins with %q, and not with its plan", h.Name)
	}
	if err := r.begin(h); err != nil {
		return err
	}
	for {
		if h, err = r.next(); err != nil {
			return err
		}
		if h.Name == trailerEntry {
			break
		}
		if err := r.entry(h); errors.Is(err, errCut) {
			return fmt.Errorf("%s: %w", h.Name, err)
		} else if err != nil {
			return err
		}
		r.entries++
	}
	return r.end(h)
}

// next returns the next entry.
func (r *backupReceiver) next() (*tar.Header, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	h, err := r.tar.Next()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errCut
	}
	return h, err
}

// read reads an entry whole.
func (r *backupReceiver) read(h *tar.Header, most int64) ([]byte, error) {
	if h.Size > most {
		return nil, fmt.Errorf("%s has %d bytes in the stream of the backup, %d are allowed", h.Name, h.Size, most)
	}
	b, err := io.ReadAll(r.tar)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errCut
	}
	if err == nil {
		err = r.progressed(int64(len(b)))
	}
	return b, err
}

// begin reads the plan, and checks it against what is in the backup.
func (r *backupReceiver) begin(h *tar.Header) error {
	b, err := r.read(h, sideFileBytes)
	if err == nil {
		err = json.Unmarshal(b, &r.plan)
	}
	var id [16]byte
	if err == nil {
		var n int
		if n, err = hex.Decode(id[:], []byte(r.plan.Log)[:min(len(r.plan.Log), 2*len(id))]); err == nil && n != len(id) {
			err = fmt.Errorf("%q is no identity of a log", r.plan.Log)
		}
	}
	if err != nil {
		return fmt.Errorf("the plan of the backup: %w", err)
	}
	if r.plan.Sequence < r.mark.Sequence && r.BackupFolder.begun && id == r.id {
		return &OtherHistoryError{fmt.Sprintf("%s has records up to %d, and the log ends at %d: it was restored from an older copy; name another folder", r.folder.Path, r.mark.Sequence, r.plan.Sequence)}
	}
	if err := r.BackupFolder.begin(id); err != nil {
		return err
	}
	if from, _ := r.Have(); r.plan.From != from {
		return fmt.Errorf("the stream of the backup begins at record %d, and %d is what is missing", r.plan.From, from)
	}
	r.of += r.plan.Bytes
	return r.makeFolders()
}

// entry takes an entry between the plan and the trailer.
func (r *backupReceiver) entry(h *tar.Header) error {
	folder, name := filepath.Split(h.Name)
	_, isSegment := firstOf(name)
	switch {
	case folder == "" && !r.checked && (name == HeadFile || r.plan.Secrets && (name == KeyFile || name == AccountsFile)):
		b, err := r.read(h, sideFileBytes)
		r.side[name] = b
		return err
	case folder == logFolder+"/" && isSegment:
		if err := r.checkSent(); err != nil {
			return err
		}
		to := r.path(incomingFolder, name)
		if err := r.receiveFile(to, r.tar); err != nil {
			return err
		}
		r.result.Copied++
		return r.install(to)
	case strings.HasPrefix(h.Name, recordsEntry) && r.plan.Slice > 0:
		if err := r.checkSent(); err != nil {
			return err
		}
		return r.piece(h)
	case h.Name == faultEntry:
		return r.fault(h)
	}
	return fmt.Errorf("the stream of the backup has %q, which this version does not know", h.Name)
}

// receiveFile copies a file, and syncs it.
func (b *BackupFolder) receiveFile(to string, from io.Reader) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := owner.Keep(to); err != nil {
		return errors.Join(err, f.Close())
	}
	sparse := &sparseWriter{file: f}
	err = copyAll(b.ctx, sparse, from, func(n int64) error {
		b.result.Bytes += n
		return b.progressed(n)
	})
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = errCut
	}
	if err == nil {
		err = sparse.finish()
	}
	return errors.Join(err, f.Close())
}

// piece takes records of the newest segment.
func (r *backupReceiver) piece(h *tar.Header) error {
	b, err := r.read(h, listBytes+pieceBytes)
	if err != nil {
		return err
	}
	if err := r.beginSlice(); err != nil {
		return err
	}
	if want := fmt.Sprintf("%s%0*d", recordsEntry, segmentDigits, r.slice.end.Sequence+1); h.Name != want {
		return fmt.Errorf("the stream of the backup has %s in the place of %s", h.Name, want)
	}
	before := r.slice.end.Sequence
	if err := r.slice.add(b); err != nil {
		if fault, ok := errors.AsType[*CorruptError](err); ok && fault.Sequence != 0 { // it was sent so
			err = r.blame(fault.File, err)
		}
		return err
	}
	r.result.Records += r.slice.end.Sequence - before
	r.result.Bytes += int64(len(b))
	return nil
}

// beginSlice creates the newest segment of the backup, where it is not there yet.
func (r *backupReceiver) beginSlice() (err error) {
	if r.slice != nil {
		return nil
	}
	if from, _ := r.Have(); from != r.plan.Slice {
		return fmt.Errorf("the stream of the backup has the segment that begins at record %d in the place of record %d", r.plan.Slice, from)
	}
	if r.slice, err = newSlice(r.path(incomingFolder), r.id, r.folder.Log(), r.before, r.plan.Key); err != nil {
		return err
	}
	r.slice.seen = func(sequence uint64, stored []byte) error {
		if sequence == r.mark.Sequence {
			return r.compare(stored)
		}
		return nil
	}
	return nil
}

// end completes the backup.
func (r *backupReceiver) end(h *tar.Header) error {
	b, err := r.read(h, sideFileBytes)
	if err != nil {
		return err
	}
	var t backupTrailer
	if err := json.Unmarshal(b, &t); err != nil {
		return fmt.Errorf("the end of the backup's stream: %w", err)
	}
	// The trailer counts the plan too, and was counted when it was begun.
	if _, err := r.tar.Next(); err == nil {
		return errors.New("the stream of the backup goes on after its end")
	}
	if t.Sequence != r.plan.Sequence || t.Entries != r.entries+1 {
		return errCut
	}
	if err := r.checkSent(); err != nil {
		return err
	}
	if r.plan.Slice > 0 {
		if err := r.beginSlice(); err != nil { // of a log without records
			return err
		}
	}
	if err := r.checkSide(); err != nil {
		return err
	}
	if r.plan.Slice > 0 {
		if err := r.installSlice(); err != nil {
			return err
		}
	}
	if have := r.head(); have != (Head{Sequence: r.plan.Sequence, Recorded: r.plan.Recorded, Stream: r.plan.Stream}) {
		return fmt.Errorf("the backup ends at record %d, and the log at %d", have.Sequence, r.plan.Sequence)
	}
	return r.finish()
}

// head returns where the backup ends.
func (r *backupReceiver) head() Head {
	switch {
	case r.slice != nil:
		return r.slice.end
	case r.before != nil:
		return r.before.head()
	}
	return Head{}
}

// installSlice puts the newest segment into the backup.
func (r *backupReceiver) installSlice() error {
	path, err := r.slice.close()
	if err != nil {
		return err
	}
	name := filepath.Base(path)
	if err := os.Rename(path, r.path(logFolder, name)); err != nil {
		return err
	}
	r.known[name] = true
	return boltfile.SyncFolder(r.folder.Log())
}

// finish writes what says that the backup is complete.
func (r *backupReceiver) finish() error {
	segments, err := listSegments(r.folder.Log())
	if err != nil {
		return err
	}
	for _, s := range segments {
		if !r.known[filepath.Base(s.path)] {
			return r.otherHistory(s.first)
		}
	}
	mark := BackupMark{
		Log: r.plan.Log, Complete: true, Sequence: r.plan.Sequence, Recorded: r.plan.Recorded,
		Taken: r.plan.Taken, Version: r.plan.Version, Secrets: r.plan.Secrets,
	}
	if mark.Sequence > 0 {
		err := storedRecord(segments[r.newest(segments)].path, mark.Sequence, func(stored []byte) (err error) {
			mark.Record, err = coreSum(mark.Sequence, stored)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := replaceFile(filepath.Join(r.folder.Log(), tailName), appendTail(nil, r.id, r.head())); err != nil {
		return err
	}
	mark.Files = r.sums()
	if err := r.sideFiles(mark.Files); err != nil {
		return err
	}
	r.mark = mark
	err = r.writeMark()
	r.result.BackupMark = r.mark
	return err
}

// sums returns the sums of the files that the backup has beside the log when it is complete. A head that
// was not sent stays as it was.
func (r *backupReceiver) sums() map[string]string {
	sums := make(map[string]string)
	if sum, had := r.mark.Files[HeadFile]; had {
		sums[HeadFile] = sum
	}
	for name, content := range r.side {
		sums[name] = fileSum(content)
	}
	return sums
}

// sideFiles puts the files beside the log. Broken off, it leaves some as before: the mark has both sums
// meanwhile.
func (r *backupReceiver) sideFiles(sums map[string]string) error {
	if r.mark.Complete {
		r.mark.Replacing = sums
		if err := r.writeMark(); err != nil {
			return err
		}
	}
	for _, name := range backupFiles() {
		if err := r.sideFile(name); err != nil {
			return err
		}
	}
	return nil
}

// newest returns the index of the segment that has the last record.
func (r *backupReceiver) newest(segments []*segment) int {
	i := len(segments) - 1
	for i > 0 && segments[i].first > r.plan.Sequence {
		i--
	}
	return i
}

// sideFile puts a file beside the log, or removes a secret that the backup is not to have.
func (r *backupReceiver) sideFile(name string) error {
	content, sent := r.side[name]
	if sent {
		return replaceFile(r.path(name), content)
	}
	if name == HeadFile {
		return nil
	}
	return boltfile.RemoveIfThere(r.path(name))
}
