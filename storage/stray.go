package storage

import (
	"fmt"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"gatebook/storage/boltfile"
)

// notNext returns the error for the file after a segment that ends at a record and is whole: it begins within
// the segment, or later than it should.
func notNext(path string, last, next uint64) *CorruptError {
	if next <= last {
		return &CorruptError{File: filepath.Join(filepath.Dir(path), segmentName(next)), Err: fmt.Errorf(
			"its name says that it begins at record %d, and %s has that record: it is no segment of this log; move it to another folder", next, filepath.Base(path))}
	}
	missing := &segment{path: filepath.Join(filepath.Dir(path), segmentName(last+1)), first: last + 1}
	return missingSegment(missing)
}

// secondNames returns a fault for each name of a segment that is a further hard link to the file of
// another one, which is whole under its own name.
func secondNames(all []*segment) (strays []*CorruptError) {
	type inode struct{ device, number uint64 }
	known := make(map[inode]*segment, len(all))
	for _, s := range all {
		var info unix.Stat_t
		if unix.Lstat(s.path, &info) != nil {
			continue // that it is gone is found when it is opened
		}
		file := inode{info.Dev, info.Ino}
		other := known[file]
		if other == nil {
			known[file] = s
			continue
		}
		stray := s
		if s.named() && !other.named() {
			stray, other, known[file] = other, s, s
		}
		strays = append(strays, &CorruptError{File: stray.path, Err: fmt.Errorf(
			"it is a second name of the file %s (a hard link), and no segment of this log; remove this name", filepath.Base(other.path))})
	}
	return strays
}

// named reports whether a segment has its own name, as far as it says what it begins with.
func (s *segment) named() bool {
	err := s.view(func(r *boltfile.Reader) error {
		_, err := readSegmentMeta(s.path, s.first, r)
		return err
	})
	return err == nil
}

// without returns segments without those that are faults.
func without(strays []*CorruptError, all []*segment) (rest []*segment) {
	for _, s := range all {
		if !slices.ContainsFunc(strays, func(f *CorruptError) bool { return f.File == s.path }) {
			rest = append(rest, s)
		}
	}
	return rest
}
