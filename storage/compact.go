package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"

	"gatebook/internal/owner"
	"gatebook/storage/boltfile"
)

const (
	// compactFolder is where files are until they are written anew.
	compactFolder = "compacting"
	// compactGain is the part of a file that it has to lose at least: a twentieth.
	compactGain = 20
	// compactBytes bounds a transaction of compacting.
	compactBytes = 64 << 20
)

// Compacted is what [Compact] has done.
type Compacted struct {
	// Files is how many files were written anew, of how many.
	Files, Of int
	// Before and After are the sizes of all files.
	Before, After int64
}

// Compact writes the segments of a log and its archive anew without the pages that are not in use,
// where a file becomes smaller by a twentieth at least. The process has locked the folder, and nobody
// has it open. Each file is verified before it takes the name of the old one. Errors: [*CorruptError],
// those of ctx and of the system.
func Compact(ctx context.Context, folder *Folder, pace Pace) (*Compacted, error) {
	c := &compacter{ctx: ctx, pace: pace, folder: folder, verifier: newVerifier(ctx, nil)}
	err := c.all()
	return &c.result, errors.Join(err, os.RemoveAll(filepath.Join(folder.Path, compactFolder)))
}

type compacter struct {
	ctx      context.Context
	pace     Pace
	folder   *Folder
	verifier *verifier
	result   Compacted
	done, of int64
}

func (c *compacter) all() error {
	segments, err := listSegments(c.folder.Log())
	if err != nil {
		return err
	}
	paths := make([]string, 0, len(segments)+1)
	for _, s := range segments {
		paths = append(paths, s.path)
	}
	if isRegular(c.folder.Archive()) {
		paths = append(paths, c.folder.Archive())
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		c.of += info.Size()
	}
	temporary := filepath.Join(c.folder.Path, compactFolder)
	if err := errors.Join(os.RemoveAll(temporary), makeFolder(temporary)); err != nil {
		return err
	}
	for _, path := range paths {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := c.file(path, filepath.Join(temporary, filepath.Base(path))); err != nil {
			return fmt.Errorf("compact %s: %w", path, err)
		}
	}
	return nil
}

// file compacts one file.
func (c *compacter) file(path, temporary string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	before, after := info.Size(), info.Size()
	c.result.Of++
	// Damage is refused here, and not met by bbolt.
	if path != c.folder.Archive() {
		if err := c.verify(path); err != nil {
			return err
		}
	}
	size, err := rewrite(path, temporary)
	if err != nil {
		return err
	}
	if size <= before-before/compactGain {
		if err := c.replace(path, temporary); err != nil {
			return err
		}
		c.result.Files++
		after = size
	} else if err := os.Remove(temporary); err != nil {
		return err
	}
	c.result.Before += before
	c.result.After += after
	c.done += before
	if c.pace == nil {
		return nil
	}
	return c.pace(min(c.done, c.of), c.of)
}

// verify reads a segment through.
func (c *compacter) verify(path string) error {
	before, recorded := c.verifier.before, c.verifier.recorded
	first, _ := firstOf(filepath.Base(path))
	if err := c.verifier.segment(&segment{path: path, first: first}, nil); err != nil {
		return err
	}
	if filepath.Dir(path) == c.folder.Log() { // it is read again under its new name
		c.verifier.before, c.verifier.recorded = before, recorded
	}
	if len(c.verifier.Faults) > 0 {
		return c.verifier.Faults[0]
	}
	return nil
}

// replace verifies what was written, and puts it in the place of the old file.
func (c *compacter) replace(path, temporary string) error {
	if path != c.folder.Archive() {
		if err := c.verify(temporary); err != nil {
			return err
		}
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return boltfile.SyncFolder(filepath.Dir(path))
}

// rewrite copies all that is in use of a file into a new one, and syncs it. It returns its size.
func rewrite(path, temporary string) (size int64, err error) {
	from, err := boltfile.Open(path, 0)
	if err != nil {
		return 0, err
	}
	to, err := bolt.Open(temporary, 0o600, &bolt.Options{Timeout: time.Second, NoSync: true, NoGrowSync: true})
	if err != nil {
		return 0, errors.Join(err, from.Close())
	}
	if err = owner.Keep(temporary); err == nil {
		err = from.Compact(to, compactBytes)
	}
	if err == nil {
		err = to.View(func(tx *bolt.Tx) error {
			size = tx.Size()
			return nil
		})
	}
	if err = errors.Join(err, to.Close(), from.Close()); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(temporary, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	return size, errors.Join(f.Truncate(size), f.Sync(), f.Close())
}
