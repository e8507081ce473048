package interchange

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"gatebook/events"
	"gatebook/storage"
	"gatebook/storage/treehead"
)

// longestLine bounds a line, in bytes.
const longestLine = 64 << 20

// LineError reports a line that cannot be read.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// Read reads what [Write] has written into the new log of a folder that has none, and its head with it.
// next is the id of the next session, which the log must not have; 0 for any.
// read is called with how many bytes were read. It returns how many records there are. Errors: [*LineError],
// that of ctx, and those of the system. After an error the folder is of no use.
func Read(ctx context.Context, from io.Reader, folder *storage.Folder, next uint64, read func(n int64) error) (records uint64, err error) {
	r := &reader{lines: bufio.NewReaderSize(from, 1<<16), progressed: read, ids: sessionIDs{next: next}}
	defer func() {
		if r.log != nil {
			err = errors.Join(err, r.log.Close())
		}
	}()
	if err := r.first(folder.Log()); err != nil {
		return 0, err
	}
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		done, err := r.record()
		if done && err == nil && r.begin.Head != "" {
			err = treehead.WriteFile(folder.Head(), []byte(r.begin.Head))
		}
		if err != nil || done {
			return r.records, err
		}
	}
}

// reader reads the lines of one log.
type reader struct {
	lines      *bufio.Reader
	line       []byte
	n          int   // of the line
	bytes      int64 // that were read
	progressed func(n int64) error

	log     *storage.LogWriter // nil before the first line was read
	begin   firstLine
	id      [16]byte
	coder   events.Coder
	again   []byte // a record's line, as it has to be
	records uint64
	ids     sessionIDs
}

// next reads the next line, without its end.
func (r *reader) next() error {
	r.line = r.line[:0]
	r.n++
	for {
		piece, err := r.lines.ReadSlice('\n')
		r.line = append(r.line, piece...)
		r.bytes += int64(len(piece))
		switch {
		case len(r.line) > longestLine:
			return r.wrong(fmt.Errorf("it has more than %d bytes", longestLine))
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			if len(r.line) == 0 {
				return r.wrong(errors.New("it is missing: the export ends before its last line, which has the number of records"))
			}
			return r.wrong(errors.New("it is cut"))
		case err != nil:
			return err
		}
		r.line = bytes.TrimSuffix(r.line, []byte("\n"))
		return nil
	}
}

func (r *reader) wrong(err error) error { return &LineError{Line: r.n, Err: err} }

// first reads the first line, and begins the log.
func (r *reader) first(folder string) error {
	if err := r.next(); err != nil {
		return err
	}
	var f firstLine
	if err := json.Unmarshal(r.line, &f); err != nil || f.Gatebook == 0 {
		return r.wrong(errors.New("it is not the first line of what gatebook export has written"))
	}
	if f.Gatebook < unboundFormat || f.Gatebook > format {
		return r.wrong(fmt.Errorf("the export has format %d, this gatebook knows the formats %d to %d", f.Gatebook, unboundFormat, format))
	}
	var err error
	if r.id, err = identity(f.Log); err != nil {
		return r.wrong(err)
	}
	r.begin = firstLine{Gatebook: f.Gatebook, Log: hex.EncodeToString(r.id[:])}
	if f.Gatebook > keylessFormat {
		r.begin.Key, r.begin.Head = f.Key, f.Head
	}
	// The line is compared as it is written, so that no member of it is read otherwise.
	if again, err := json.Marshal(r.begin); err != nil || !bytes.Equal(again, r.line) {
		return r.wrong(errors.Join(fmt.Errorf("it is not as it was written; that would be %s", again), err))
	}
	var first *treehead.PublicKey
	if r.begin.Key != "" {
		public, err := treehead.ParseVerifier(treehead.Origin(r.id), r.begin.Key)
		if err != nil {
			return r.wrong(err)
		}
		first = &public
	}
	r.log, err = storage.NewLogWriter(folder, r.id, first)
	return err
}

// record reads a record, or the last line, after which it returns true.
func (r *reader) record() (done bool, err error) {
	if err := r.next(); err != nil {
		return false, err
	}
	var l struct {
		Sequence *uint64 `json:"sequence"`
		Stored   *stored `json:"stored"`
		lastLine
	}
	at := bytes.LastIndex(r.line, []byte(storedMember))
	if at < 0 {
		if err := json.Unmarshal(r.line, &l); err != nil {
			return false, r.wrong(err)
		}
		if l.Records == nil || l.Sequence != nil {
			return false, r.wrong(errors.New("it is no record: it has no stored bytes"))
		}
		return true, r.end(&l.lastLine)
	}
	if err := json.Unmarshal(r.line, &l); err != nil {
		return false, r.wrong(err)
	}
	if l.Sequence == nil || *l.Sequence != r.records+1 || l.Stored == nil {
		return false, r.wrong(fmt.Errorf("it is not record %d, which comes next", r.records+1))
	}
	if err := r.add(l.Stored); err != nil {
		return false, err
	}
	return false, r.progressed(r.bytes)
}

// add adds a record, if its line is what its bytes give.
func (r *reader) add(s *stored) error {
	record, err := s.decode(r.records + 1)
	if err != nil {
		return r.wrong(err)
	}
	var decoded events.Record
	if r.again, decoded, err = appendLine(r.again[:0], &r.coder, r.records+1, record); err != nil {
		return r.wrong(err)
	}
	if !bytes.Equal(r.again, r.line) {
		return r.wrong(fmt.Errorf("its members are not those of its stored bytes; from these it would be %s", r.again))
	}
	if err := r.ids.check(&decoded); err != nil {
		return r.wrong(err)
	}
	if err := r.log.Add(record); err != nil {
		if errors.Is(err, storage.ErrDiskFull) || errors.Is(err, storage.ErrReadOnly) {
			return err
		}
		return r.wrong(err)
	}
	r.records++
	return nil
}

// end compares the last line with what was read.
func (r *reader) end(l *lastLine) error {
	if *l.Records != r.records {
		return r.wrong(fmt.Errorf("it says that there are %d records, and %d were read", *l.Records, r.records))
	}
	if rest, err := io.Copy(io.Discard, r.lines); err != nil || rest > 0 {
		return r.wrong(errors.Join(fmt.Errorf("%d bytes follow the last line", rest), err))
	}
	_, root, err := r.log.Finish()
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(root[:]); got != l.Root {
		return r.wrong(fmt.Errorf("it says that the root of the tree over the records is %s, and it is %s", l.Root, got))
	}
	if again, err := json.Marshal(l); err != nil || !bytes.Equal(again, r.line) {
		return r.wrong(errors.Join(fmt.Errorf("it is not as it was written; that would be %s", again), err))
	}
	// A line of the first format has no sum, and its first line says so.
	if got := r.begin.exportSum(r.id, r.records, root); l.Sum != got && (l.Sum != "" || r.begin.Gatebook != unboundFormat) {
		return r.wrong(fmt.Errorf("it says that the sum over what line 1 has of the log, the number of records and the root is %q, and it is %s", l.Sum, got))
	}
	return r.head()
}

// head returns an error for a head in the first line that is not one of the log that was read.
func (r *reader) head() error {
	if r.begin.Head == "" {
		return nil
	}
	refuse := func(err error) error {
		return &LineError{Line: 1, Err: fmt.Errorf("its head is not one of the exported records: %w; the log was damaged or rolled back when it was exported, "+
			"or the export was changed: export a copy of the log that gatebook verify finds whole", err)}
	}
	signed, err := r.log.Keys().Open([]byte(r.begin.Head))
	if err != nil {
		return refuse(err)
	}
	if signed.Size > r.records {
		return refuse(fmt.Errorf("it was signed at record %d, and there are %d records", signed.Size, r.records))
	}
	root, err := r.log.RootAt(signed.Size)
	if err == nil && root != signed.Root {
		err = refuse(fmt.Errorf("it was signed for %d other records than the first of these", signed.Size))
	}
	return err
}
