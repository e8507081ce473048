package gatebook

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"gatebook/storage"
)

// faults are the damages of the log that are known: those that the last reading of the whole log
// has found, and those that other reads have met since it began. It is safe for concurrent use.
type faults struct {
	report func(error)

	mu    sync.Mutex        // guards the fields below
	files map[string]*fault // by the file
	added uint64            // how many files were added
	// readings is how many readings of the whole log have begun, ended the latest of those that have ended.
	readings, ended uint64
}

// fault is what is known to be wrong with a file.
type fault struct {
	first *storage.CorruptError
	count int
	// number is the place of the file among all that were added.
	number uint64
}

// meet adds damage that a read has met, and reports it. It does nothing where the file is known to
// be damaged: one damaged page is met at each of its records.
func (f *faults) meet(damage *storage.CorruptError) {
	f.mu.Lock()
	_, known := f.files[damage.File]
	if !known {
		f.files = f.with(f.files, damage)
	}
	f.mu.Unlock()
	if !known {
		f.log(damage)
	}
}

// begin marks the beginning of a reading of the whole log. Its result is called with what that has
// found, which takes the place of all that was known at the beginning if the reading was whole. Of each file that was not
// known to be damaged the first fault is reported. A reading in the background takes a week: what it found in a file that
// a later reading has found whole was mended meanwhile.
func (f *faults) begin() (end func(found []*storage.CorruptError, whole bool)) {
	f.mu.Lock()
	f.readings++
	reading, before := f.readings, f.added
	f.mu.Unlock()
	return func(found []*storage.CorruptError, whole bool) {
		found = f.withoutMended(reading, found)
		if !whole { // what was not read is as it was
			for _, damage := range found {
				f.meet(damage)
			}
			return
		}
		for _, damage := range f.replace(reading, before, found) {
			f.log(damage)
		}
	}
}

// withoutMended returns what a reading has found but for the files that a later reading, which has ended, found whole.
func (f *faults) withoutMended(reading uint64, found []*storage.CorruptError) []*storage.CorruptError {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended < reading {
		return found
	}
	return slices.DeleteFunc(found, func(damage *storage.CorruptError) bool { return f.files[damage.File] == nil })
}

// replace puts what was found in the place of the first files that were added. It returns the
// first fault of each file that is new.
func (f *faults) replace(reading, before uint64, found []*storage.CorruptError) (fresh []*storage.CorruptError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = max(f.ended, reading)
	var files map[string]*fault
	for _, damage := range found {
		if _, known := files[damage.File]; !known && f.files[damage.File] == nil {
			fresh = append(fresh, damage)
		}
		files = f.with(files, damage)
	}
	for file, other := range f.files {
		if files[file] == nil && other.number > before {
			if files == nil {
				files = make(map[string]*fault)
			}
			files[file] = other
		}
	}
	f.files = files
	return fresh
}

// with adds damage to files. Its caller holds mu.
func (f *faults) with(files map[string]*fault, damage *storage.CorruptError) map[string]*fault {
	if files == nil {
		files = make(map[string]*fault)
	}
	if files[damage.File] == nil {
		f.added++
		files[damage.File] = &fault{first: damage, number: f.added}
	}
	files[damage.File].count++
	return files
}

func (f *faults) log(damage *storage.CorruptError) {
	if _, forbidden := errors.AsType[*storage.ForbiddenError](damage); forbidden {
		f.report(fmt.Errorf("%w; then run gatebook verify", damage))
		return
	}
	f.report(fmt.Errorf("%w; gatebook verify says more, and with --salvage it copies what is whole", damage))
}

// read returns how many faults are known, and the first of them.
func (f *faults) read() (n int, first error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var oldest *fault
	for _, other := range f.files {
		n += other.count
		if oldest == nil || other.number < oldest.number {
			oldest = other
		}
	}
	if oldest == nil {
		return 0, nil
	}
	return n, oldest.first
}
