package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"gatebook"
	"gatebook/httpd/client"
	"gatebook/storage"
	"gatebook/storage/treehead"
)

// headsPerReading is how many heads of a file are compared with a log in one reading of it: it bounds the memory that
// a long file takes.
const headsPerReading = 100_000

// keptFile is a file of signed heads that were kept elsewhere, of one log and perhaps of others.
type keptFile struct {
	path   string
	source *keptSource
	keys   treehead.Keys
	// heads is how many heads of the log it has, others how many of other logs. Heads that are there twice count once.
	heads, others int
	// newest is the largest head of the log. torn is true where something follows the last head that is none.
	newest treehead.Kept
	torn   bool
	// unvouched are the records after the newest head that name a key for which the one before does not vouch.
	unvouched []uint64
	// faults are what the file says by itself of a log that was rolled back.
	faults []client.Fault
}

// keptSource is the content of a file of heads as it is when it is opened: what a server appends later can be newer than
// the head that the log is compared with.
type keptSource struct {
	path string
	file string // that is read: a copy of a pipe, which can be read once
	size int64
}

// openKept opens a file of heads, or a pipe.
func openKept(path string) (s *keptSource, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("the head that was kept: %w", err)
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() {
		return &keptSource{path: path, file: path, size: info.Size()}, nil
	}
	from, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	spool, err := os.CreateTemp("", "gatebook-heads")
	if err != nil {
		return nil, err
	}
	s = &keptSource{path: path, file: spool.Name()}
	s.size, err = io.Copy(spool, from)
	if err = errors.Join(err, spool.Close()); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close removes a copy.
func (s *keptSource) close() {
	if s.file != s.path {
		_ = os.Remove(s.file) // of no use any more
	}
}

// read reads the heads, and checks the signatures of those of a log, and that one follows the other.
func (s *keptSource) read(keys treehead.Keys) (*keptFile, error) {
	path := s.path
	f := &keptFile{path: path, source: s, keys: keys}
	var before, last treehead.Kept
	torn, err := treehead.ReadKept(s.file, s.size, func(k treehead.Kept) error {
		last = k
		if k.Origin != keys.Origin {
			f.others++
			return nil
		}
		if _, err := keys.Open(k.Signed); err != nil {
			return notOfLog(fmt.Sprintf("%s, line %d", path, k.Line), err)
		}
		if f.heads > 0 {
			f.follow(before, k)
		}
		if f.heads == 0 || k.Head.Size > f.newest.Head.Size {
			f.newest = k
		}
		if f.heads == 0 || k.Head != before.Head {
			f.heads++
		}
		before = k
		return nil
	})
	if err != nil {
		if errors.Is(err, treehead.ErrNoHead) && s.file != path { // the copy of a pipe has another name
			err = fmt.Errorf("%s has %w", path, treehead.ErrNoHead)
		}
		if f.heads == 0 && f.others == 0 {
			err = fmt.Errorf("the head that was kept: %w", err)
		}
		return nil, err
	}
	if f.heads == 0 {
		_, err := keys.Open(last.Signed)
		return nil, notOfLog(path, err)
	}
	f.torn = torn
	return f, nil
}

// follow notes what two heads of which one was kept after the other say of their log.
func (f *keptFile) follow(before, k treehead.Kept) {
	switch {
	case k.Head.Size < before.Head.Size:
		f.fault(k, "it has a head of %d records after one of %d records (line %d): the log was rolled back in between", k.Head.Size, before.Head.Size, before.Line)
	case k.Head.Size == before.Head.Size && k.Head.Root != before.Head.Root:
		f.fault(k, "it has two heads of %d records that differ (the other is in line %d): there are two histories of the log", k.Head.Size, before.Line)
	}
}

func (f *keptFile) fault(k treehead.Kept, format string, args ...any) {
	if len(f.faults) < headsPerReading {
		f.faults = append(f.faults, client.Fault{File: f.name(k), Error: fmt.Sprintf(format, args...)})
	}
}

// name returns what a head is called.
func (f *keptFile) name(k treehead.Kept) string {
	if k.Line == f.newest.Line {
		return f.path
	}
	return fmt.Sprintf("%s, line %d", f.path, k.Line)
}

// each calls do with each head of the log, beginning at a number.
func (f *keptFile) each(from int, do func(treehead.Kept) error) error {
	n := 0
	var before treehead.Kept
	_, err := treehead.ReadKept(f.source.file, f.source.size, func(k treehead.Kept) error {
		if k.Origin != f.keys.Origin || n > 0 && k.Head == before.Head {
			return nil
		}
		if before, n = k, n+1; n <= from {
			return nil
		}
		return do(k)
	})
	return err
}

// claim returns what is known of the newest head, of which a log was compared with all.
func (f *keptFile) claim() client.ClaimedHead {
	return client.ClaimedHead{Name: f.path, Size: f.newest.Head.Size, Unvouched: f.unvouched, Torn: f.torn, Heads: f.heads, Others: f.others}
}

// inFolder verifies the log of a folder that this process has locked, and compares it with the heads.
func (f *keptFile) inFolder(ctx context.Context, folder *storage.Folder, pace storage.Pace) (v *storage.Verified, err error) {
	for from := 0; from < f.heads; from += headsPerReading {
		claims := []gatebook.HeadClaim{{Name: f.path, Signed: f.newest.Signed}}
		over := errors.New("over")
		err := f.each(from, func(k treehead.Kept) error {
			if len(claims) > headsPerReading {
				return over
			}
			if k.Line != f.newest.Line {
				claims = append(claims, gatebook.HeadClaim{Name: f.name(k), Signed: k.Signed})
			}
			return nil
		})
		if err != nil && !errors.Is(err, over) {
			return nil, err
		}
		next, err := gatebook.VerifyFolder(ctx, folder, pace, claims...)
		if err != nil {
			return nil, err
		}
		for _, c := range next.Claims {
			if c.Name == f.path {
				f.unvouched = c.Unvouched
			}
		}
		next.Claims = nil
		if v == nil {
			v = next
			continue
		}
		for _, fault := range next.Faults { // the others are known
			if fault.File != f.path && isClaim(claims, fault.File) {
				v.Faults = append(v.Faults, fault)
			}
		}
	}
	return v, nil
}

func isClaim(claims []gatebook.HeadClaim, name string) bool {
	for _, c := range claims {
		if c.Name == name {
			return true
		}
	}
	return false
}

// vouch finds which keys of a server's log since the newest head no key before vouches for.
func (f *keptFile) vouch(rotations []client.KeyRotation) (err error) {
	named := make([]treehead.Rotation, len(rotations))
	for i, r := range rotations {
		named[i] = treehead.Rotation{Sequence: r.Sequence, Key: r.Key, Before: r.KeyBefore, Endorsement: r.Endorsement}
	}
	f.unvouched, err = f.keys.Unvouched(f.newest.Head.Size, named)
	return err
}

// proven has a server prove that its log begins with what each of the heads covers. It returns a fault for each with
// which it does not. The server has sent its signed head after the file was opened.
func (f *keptFile) proven(ctx context.Context, server *client.Client, signed []byte) (faults []client.Fault, now treehead.Head, err error) {
	if now, err = f.keys.Open(signed); err != nil {
		return nil, now, fmt.Errorf("the head that the server has sent: %w", err)
	}
	err = f.each(0, func(k treehead.Kept) error {
		err := consistent(ctx, server, k.Head, now)
		if lacks, ok := errors.AsType[*inconsistentError](err); ok {
			faults = append(faults, client.Fault{File: f.name(k), Error: lacks.Error()})
			return nil
		}
		return err
	})
	return faults, now, err
}

// addTo adds to what was found of a log what the heads say of it.
func (f *keptFile) addTo(found *client.Verified, faults []client.Fault) *client.Verified {
	found.Claims = []client.ClaimedHead{f.claim()}
	found.Faults = append(append(found.Faults, f.faults...), faults...)
	return found
}
