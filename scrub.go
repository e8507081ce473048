package gatebook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatebook/internal/heads"
	"gatebook/storage"
)

const (
	// scrubPeriod is how long the files are read through in the background, unless the options
	// say otherwise.
	scrubPeriod = 7 * 24 * time.Hour
	// scrubShare is the least part of its time that scrubbing rests: it takes a twentieth of
	// a processor at most.
	scrubShare = 19
)

// Scrub is how far the log has been read through in the background.
type Scrub struct {
	// Finished is when it was last read to the end; zero before that. Records is how many
	// there were then.
	Finished time.Time
	Records  uint64
	// Faults is how many the last passage has found, and in how many other files a read has met one
	// since; and how many files beside the segments were removed or replaced while they are in use.
	Faults int
}

// scrubber reads the log and the archive through, again and again, so that damage at rest is
// found before somebody needs what is damaged.
type scrubber struct {
	verify func(context.Context, storage.Pace, ...HeadClaim) (*storage.Verified, error)
	// chain looks only for segments that are missing.
	chain func(context.Context) (*storage.Verified, error)
	// archive reads a piece of the archive, of about archiveSize bytes: see
	// [storage.Archive.Check].
	archive     func(from []byte, rows int) (next []byte, read int64, err error)
	archiveSize func() int64

	period time.Duration
	report func(error)
	// met is called with a fault that chain has found; verify has noted its own.
	met func(*storage.CorruptError)

	mu    sync.Mutex // guards the field below
	found Scrub
}

// run reads the log and the archive through until ctx ends.
func (s *scrubber) run(ctx context.Context) {
	var archive sync.WaitGroup
	archive.Go(func() { s.readArchive(ctx) })
	defer archive.Wait()
	// A passage takes a week: a segment that is missing is noticed at once.
	if v, err := s.chain(ctx); err != nil && ctx.Err() == nil {
		s.report(fmt.Errorf("look for the segments of the log: %w", err))
	} else if err == nil {
		for _, damage := range v.Faults {
			s.met(damage)
		}
	}
	for ctx.Err() == nil {
		began := time.Now()
		v, err := s.verify(ctx, s.pace(ctx))
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.report(fmt.Errorf("read the log through: %w", err))
		} else {
			s.note(v)
		}
		rest(ctx, max(s.period-time.Since(began), time.Second))
	}
}

// scrubbedRows is how many rows of the archive are read at a time.
const scrubbedRows = 512

// readArchive reads the archive through until ctx ends. Damage that it meets is noticed there,
// and the archive is made again.
func (s *scrubber) readArchive(ctx context.Context) {
	for ctx.Err() == nil {
		began, pace := time.Now(), s.pace(ctx)
		var from []byte
		for read := int64(0); ; {
			next, n, err := s.archive(from, scrubbedRows)
			if read += n; err == nil {
				err = pace(read, s.archiveSize())
			}
			if ctx.Err() != nil {
				return
			}
			if err != nil && !errors.Is(err, ErrRebuilding) {
				s.report(fmt.Errorf("read the archive through: %w", err))
			}
			if from = next; err != nil || from == nil {
				break
			}
		}
		rest(ctx, max(s.period-time.Since(began), time.Second))
	}
}

// pace returns a pace that spreads a passage over the period and rests after each piece of
// work.
func (s *scrubber) pace(ctx context.Context) storage.Pace {
	began, worked := time.Now(), time.Now()
	return func(read, of int64) error {
		due := time.Duration(float64(s.period) * float64(read) / float64(max(of, 1)))
		rest(ctx, max(due-time.Since(began), min(scrubShare*time.Since(worked), s.period)))
		worked = time.Now()
		return ctx.Err()
	}
}

// rest blocks for a time, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// note keeps how far a passage has come.
func (s *scrubber) note(v *storage.Verified) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found.Finished, s.found.Records = time.Now(), v.Records
}

// read returns how far the last passage has come.
func (s *scrubber) read() Scrub {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found
}

// Damage returns the first fault that is known of the log, a [*storage.CorruptError], whether reading
// it through has found it or another read has met it; or the first of head, log/tail and lock that was removed or
// replaced while it is in use, a [*storage.GoneError]; or why a damaged archive could not be made again, a
// [*HealError]; or why the newest head could not be written, a [*HeadError]; or why the next process could not sign the log, a [*KeyError]; nil for none. Recording goes on
// over it.
//
// It is known until the log was read through again, in the background or by [Registry.Verify], without
// finding it.
func (r *Registry) Damage() error {
	if _, damage := r.faults.read(); damage != nil {
		return damage
	}
	if _, lost := r.lost.read(); lost != nil {
		return lost
	}
	if err := r.heal.err(); err != nil || r.signed == nil {
		return err
	}
	return cmp.Or(r.signed.HeadErr(), r.signed.KeyErr())
}

// HeadError reports that the newest head of the log could not be written.
type HeadError = heads.HeadError

// KeyError reports that the file of the key that signs the log is missing, damaged or another.
type KeyError = heads.KeyError

// ErrNoFiles is returned by [Registry.Verify] for a log that is not kept in files.
var ErrNoFiles = errors.New("the log is not kept in files")

// Verify reads the whole log from its files, while it is in use: see [storage.Verify]. It compares
// the log with its newest signed head, and with those that are claimed. [Registry.Damage] returns the
// faults of the log itself from then on.
func (r *Registry) Verify(ctx context.Context, pace storage.Pace, claims ...HeadClaim) (*storage.Verified, error) {
	if !r.calls.Enter() {
		return nil, ErrClosed
	}
	defer r.calls.Leave()
	if r.signed == nil {
		return nil, ErrNoFiles
	}
	return r.verify(ctx, pace, claims...)
}

// verify is Verify, for a goroutine that Close waits for too.
func (r *Registry) verify(ctx context.Context, pace storage.Pace, claims ...HeadClaim) (*storage.Verified, error) {
	end := r.faults.begin()
	v, err := r.signed.Verify(ctx, pace, claims...)
	if v == nil {
		return v, err
	}
	found := slices.DeleteFunc(slices.Clone(v.Faults), func(damage *storage.CorruptError) bool {
		if _, gone := errors.AsType[*storage.GoneError](damage); gone {
			return true // checkFiles knows it, and when it is over
		}
		return slices.ContainsFunc(claims, func(c HeadClaim) bool { return c.Name == damage.File })
	})
	end(found, err == nil)
	return v, err
}
