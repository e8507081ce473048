package storage

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"gatebook/events"
	"gatebook/storage/boltfile"
)

// A backup travels as a tar archive: its plan, the files beside the log, the sealed segments as
// they are, the records of the newest one in pieces, and at the end a trailer, so that a stream
// that was cut is noticed.
const (
	planEntry    = "plan.json"
	trailerEntry = "end"
	recordsEntry = "records/"
)

const (
	// pieceBytes is how many bytes of records a piece has, or those of one record that is larger.
	pieceBytes = 1 << 20
	// sideFileBytes bounds a file beside the log that travels in a backup.
	sideFileBytes = 64 << 20
)

// The files beside the log that a backup can have.
const (
	// HeadFile is the signed head of the log.
	HeadFile = "head"
	// KeyFile is the key that heads are signed with. It is secret, as are the accounts.
	KeyFile = "key"
	// AccountsFile holds the accounts of the API.
	AccountsFile = accountsFile
)

// BackupRequest says what a backup is to have.
type BackupRequest struct {
	// From is where the first segment begins that is not in the backup, 1 for all of the log.
	From uint64
	// Seal is the hash of the seal of the segment before, which has to be this log's.
	Seal [sha256.Size]byte
	// Folder is that of the files beside the log, "" for a log without any.
	Folder string
	// Version is that of the program, for the record.
	Version string
	// Secrets says that the key and the accounts are among the files.
	Secrets bool
	// Accounts checks the content of the accounts; nil for no check.
	Accounts func(content []byte) error
}

// BackupPlan says what follows in the stream of a backup.
type BackupPlan struct {
	// Log is the identity of the log in hexadecimal.
	Log string `json:"log"`
	// Sequence is the last record of the backup, Recorded its time, Stream the highest session.
	Sequence uint64      `json:"sequence"`
	Recorded events.Time `json:"recorded"`
	Stream   uint64      `json:"stream"`
	// Taken is when the backup was begun, Version that of the program that has read the log.
	Taken   time.Time `json:"taken"`
	Version string    `json:"version"`
	Secrets bool      `json:"secrets"`
	// From is where the first segment begins that follows, Slice where the one begins whose
	// records follow in pieces, 0 for none.
	From  uint64 `json:"from"`
	Slice uint64 `json:"slice"`
	// Key is the first key that signs heads of the log, in hexadecimal; "" where it has none.
	Key string `json:"key,omitempty"`
	// Bytes is about how many bytes follow.
	Bytes int64 `json:"bytes"`
}

// backupTrailer is the last entry of the stream.
type backupTrailer struct {
	Sequence uint64 `json:"sequence"`
	Entries  int    `json:"entries"`
}

// OtherHistoryError reports a backup that is not one of the log: of another log, or of another
// history of this one.
type OtherHistoryError struct{ Reason string }

func (e *OtherHistoryError) Error() string { return e.Reason }

// Backup writes the log up to its head, as it is now, to a stream. It holds no transaction while
// it writes, and neither appends nor reads wait for it. It writes nothing where a file beside the log
// is not as the log needs it. Errors: [*OtherHistoryError], [*SideFileError], those of ctx, of the
// stream and of the files.
func (l *Bolt) Backup(ctx context.Context, to io.Writer, q BackupRequest) (*BackupPlan, error) {
	b := &backupWriter{log: l, ctx: ctx, tar: tar.NewWriter(to)}
	files, err := l.sideFilesAt(ctx, q, func() (uint64, error) {
		err := l.chain.met(b.choose(q))
		return b.plan.Sequence, err
	})
	if err != nil {
		return nil, notBackedUp(err)
	}
	for _, content := range files {
		b.plan.Bytes += int64(len(content))
	}
	if err := b.write(files); err != nil {
		return nil, notBackedUp(l.chain.met(b.sendFault(err)))
	}
	return &b.plan, nil
}

// CheckSideFiles returns the error of a [Bolt.Backup] that could not have the files beside the log.
func (l *Bolt) CheckSideFiles(ctx context.Context, q BackupRequest) error {
	_, err := l.sideFilesAt(ctx, q, func() (uint64, error) { return l.Head().Sequence, nil })
	return err
}

// sideFilesAt reads and checks the files beside the log, and fixes the end of the log by calling end. The
// files go first: a signed head that is older than the log is right, a newer one is not. Where the key was
// rotated meanwhile they are read again.
func (l *Bolt) sideFilesAt(ctx context.Context, q BackupRequest, end func() (uint64, error)) (sideFiles, error) {
	if q.Folder == "" {
		_, err := end()
		return nil, err
	}
	for {
		before := len(l.Keys().All)
		files, err := readSideFiles(q.Folder, q.Secrets)
		if err != nil {
			return nil, err
		}
		// A head is signed of what is durable, and the log ends where it was delivered.
		if durable, _ := l.Tree(); durable > l.Head().Sequence {
			if err := l.Wait(ctx, durable-1); err != nil {
				return nil, err
			}
		}
		last, err := end()
		if err != nil {
			return nil, err
		}
		keys := l.Keys()
		for n := len(keys.All); n > 0 && keys.All[n-1].From > last; n-- {
			keys.All = keys.All[:n-1]
		}
		if len(keys.All) > before {
			continue
		}
		files.settleKey(keys)
		check := &sideFileCheck{folder: q.Folder, keys: keys, end: last, secrets: q.Secrets, accounts: q.Accounts}
		return files, check.check(files)
	}
}

// backupWriter writes one backup.
type backupWriter struct {
	log     *Bolt
	ctx     context.Context
	tar     *tar.Writer
	entries int

	plan   BackupPlan
	sealed []*segment // those that follow whole
	slice  *segment   // the one whose records follow in pieces, nil for none

	// fault is the first damaged record that was sent, nil for none: the stream then has no end. Its
	// receiver checks each record and says which one is damaged, which it could not of a stream
	// that was cut there.
	fault error
}

// choose fixes the head, and which segments follow.
func (b *backupWriter) choose(q BackupRequest) error {
	head := b.log.Head()
	b.sealed, b.slice = nil, nil
	from := max(q.From, 1)
	b.plan = BackupPlan{
		Log: hex.EncodeToString(b.log.id[:]), Sequence: head.Sequence, Recorded: head.Recorded, Stream: head.Stream,
		Taken: time.Now().UTC().Truncate(time.Millisecond), Version: q.Version, Secrets: q.Secrets, From: from,
	}
	if from > head.Sequence+1 {
		return &OtherHistoryError{fmt.Sprintf("the backup has records up to %d at least, and the log ends at %d: it is another log, or was restored from an older copy; name another folder", from-1, head.Sequence)}
	}
	if keys := b.log.Keys().All; len(keys) > 0 {
		b.plan.Key = hex.EncodeToString(keys[0].Public[:])
	}
	known := from == 1
	for _, s := range b.log.segments() {
		m, size, err := b.look(s)
		if err != nil {
			return err
		}
		if m.seal != nil && m.seal.Last+1 == from {
			if m.seal.id() != q.Seal {
				return &OtherHistoryError{fmt.Sprintf("the backup has other records up to %d than the log: it is of another log, or of another history of this one; name another folder", from-1)}
			}
			known = true
		}
		switch {
		case s.first < from || s.first > head.Sequence+1:
		case m.seal != nil && m.seal.Last <= head.Sequence:
			b.sealed = append(b.sealed, s)
			b.plan.Bytes += size
		case b.slice == nil && (s.first <= head.Sequence || s.first == 1):
			b.slice = s
			b.plan.Slice = s.first
			b.plan.Bytes += size
		}
	}
	if !known {
		return &OtherHistoryError{fmt.Sprintf("no segment of the log ends at record %d, where a segment of the backup does: it is of another log, or of another history of this one; name another folder", from-1)}
	}
	return nil
}

// look returns what a segment says of itself, and about how many bytes it takes.
func (b *backupWriter) look(s *segment) (m segmentMeta, size int64, err error) {
	err = s.view(func(r *boltfile.Reader) (err error) {
		size = r.Size()
		m, err = readSegmentMeta(s.path, s.first, r)
		return err
	})
	return m, size, err
}

// write writes the stream.
func (b *backupWriter) write(files sideFiles) error {
	if err := b.json(planEntry, b.plan); err != nil {
		return err
	}
	for _, name := range backupFiles() {
		content, there := files[name]
		if !there {
			continue
		}
		if err := b.bytes(name, content); err != nil {
			return err
		}
	}
	for _, s := range b.sealed {
		if err := b.segment(s); err != nil {
			return err
		}
	}
	if b.slice != nil {
		if err := b.records(b.slice); err != nil {
			return err
		}
	}
	if b.fault != nil {
		return b.fault
	}
	if err := b.json(trailerEntry, backupTrailer{Sequence: b.plan.Sequence, Entries: b.entries}); err != nil {
		return err
	}
	return b.tar.Close()
}

// header begins an entry.
func (b *backupWriter) header(name string, size int64) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	b.entries++
	return b.tar.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX, ModTime: b.plan.Taken})
}

func (b *backupWriter) bytes(name string, content []byte) error {
	if err := b.header(name, int64(len(content))); err != nil {
		return err
	}
	_, err := b.tar.Write(content)
	return err
}

func (b *backupWriter) json(name string, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.bytes(name, content)
}

// copyAll copies to the end, in pieces, and calls done with the size of each.
func copyAll(ctx context.Context, to io.Writer, from io.Reader, done func(n int64) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(to, from, pieceBytes)
		if done != nil {
			if err := done(n); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
