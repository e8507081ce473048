package heads

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"gatebook/storage"
	"gatebook/storage/treehead"
)

// VerifyFunc verifies a log, and finds the roots of the trees of the given sizes.
type VerifyFunc func(ctx context.Context, pace storage.Pace, sizes ...uint64) (*storage.Verified, error)

// Claim is a signed head that a log is compared with.
type Claim struct {
	// Name is what it is called in faults, such as its file.
	Name   string
	Signed []byte
	// log is the path of the log for the head of its own folder, "" for others.
	log string
}

// Verify verifies a log with a function, and that it contains the claimed heads. A head
// that it does not contain is a fault of the result. A claim that is no head of the log says nothing
// about the log, and has an error of its own.
func Verify(ctx context.Context, verify VerifyFunc, pace storage.Pace, claims ...Claim) (*storage.Verified, error) {
	var sizes []uint64
	for _, c := range claims {
		sizes = append(sizes, claimedSize(c.Signed))
	}
	v, err := verify(ctx, pace, sizes...)
	if err != nil {
		return v, err
	}
	for _, c := range claims {
		c.check(v)
	}
	return v, nil
}

// foreign returns which claims no key of the log has signed, nil for none. The log is not read for that.
func foreign(keys treehead.Keys, claims []Claim) *storage.Verified {
	var v *storage.Verified
	for _, c := range claims {
		head, err := keys.Open(c.Signed)
		if err == nil {
			continue
		}
		if v == nil {
			v = new(storage.Verified)
		}
		v.Claims = append(v.Claims, storage.ClaimedHead{Name: c.Name, Size: head.Size, Err: err})
	}
	return v
}

// Verify verifies the log, which is in use, and that it contains its newest head and the claimed
// ones. Where one of these is no head of the log, nothing is read, and the result has it alone.
func (h *Heads) Verify(ctx context.Context, pace storage.Pace, claims ...Claim) (*storage.Verified, error) {
	if v := foreign(h.Keys(), claims); v != nil {
		return v, nil
	}
	own := Claim{Name: h.o.Folder.Head(), Signed: h.Status().Signed, log: h.o.Folder.Log()}
	verify := func(ctx context.Context, pace storage.Pace, sizes ...uint64) (*storage.Verified, error) {
		v, err := h.o.Log.Verify(ctx, pace, sizes...)
		if err == nil && len(v.Keys.All) == 0 {
			v.Keys = h.Keys() // the next commit writes them down
		}
		return v, err
	}
	v, err := Verify(ctx, verify, pace, append([]Claim{own}, claims...)...)
	if v == nil {
		return v, err
	}
	// The claim is the head that this process has signed: whether its file is there is another question.
	if gone := h.CheckHead(); gone != nil {
		v.Faults = append(v.Faults, &storage.CorruptError{File: own.Name, Err: gone})
	}
	return v, err
}

// claimedSize returns the size that a note says, before its signature is checked; 0 for none.
func claimedSize(signed []byte) uint64 {
	lines := strings.SplitN(string(signed), "\n", 3)
	if len(lines) < 3 {
		return 0
	}
	size, _ := strconv.ParseUint(lines[1], 10, 63) // the check of the signature says what is wrong
	return size
}

// check adds what is wrong with a head, or with the log as it says.
func (c *Claim) check(v *storage.Verified) {
	if c.log != "" && len(v.Keys.All) == 0 {
		return // a copy, made before the log had named its key
	}
	head, err := v.Keys.Open(c.Signed)
	if c.log == "" {
		v.Claims = append(v.Claims, storage.ClaimedHead{Name: c.Name, Size: head.Size, Err: err})
		if err != nil {
			return
		}
	}
	file := c.Name
	if err == nil {
		err = contains(v, head)
		_, unknown := errors.AsType[*unknownError](err)
		switch {
		case c.log == "" || err == nil:
		case unknown && len(v.Faults) > 0:
			return // what could not be read is a fault already
		case !unknown:
			file = c.log // which its own head shows to be another
		}
	}
	if err == nil && c.log == "" {
		v.Claims[len(v.Claims)-1].Unvouched, err = v.Keys.Unvouched(head.Size, v.Rotations)
	}
	if err != nil {
		v.Faults = append(v.Faults, &storage.CorruptError{File: file, Err: err})
	}
}

// unknownError says why it is not known whether a log contains a head.
type unknownError struct{ text string }

func (e *unknownError) Error() string { return e.text }

// contains returns what is wrong with a log as one of its heads says.
func contains(v *storage.Verified, head treehead.Head) error {
	root, found := v.Roots[head.Size]
	switch {
	case head.Size > v.Head.Sequence && v.Head.Sequence == 0 && len(v.Faults) > 0:
		return &unknownError{fmt.Sprintf("whether the log contains it is not known: the newest segment could not be read, and the head covers %d records", head.Size)}
	case head.Size > v.Head.Sequence:
		return rolledBack(v.Head.Sequence, head.Size)
	case !found:
		return &unknownError{fmt.Sprintf("whether the log contains it is not known: records before %d could not be read", head.Size)}
	case root != head.Root:
		return otherHistory(head.Size)
	}
	return nil
}

// VerifyFolder verifies the log of a folder, which nobody has open, its newest head and its key,
// as far as they are there, and that it contains the claimed heads. Where one of these is no head of the log,
// nothing is read, and the result has it alone.
func VerifyFolder(ctx context.Context, f *storage.Folder, pace storage.Pace, claims ...Claim) (*storage.Verified, error) {
	if keys, err := KeysOfFolder(f); err == nil { // of a damaged log they are found with the damage
		if v := foreign(keys, claims); v != nil {
			return v, nil
		}
	}
	signed, err := treehead.ReadFile(f.Head())
	unreadable, _ := errors.AsType[*storage.CorruptError](storage.Unreadable(f.Head(), err))
	if err == nil {
		claims = append([]Claim{{Name: f.Head(), Signed: signed, log: f.Log()}}, claims...)
	} else if !errors.Is(err, os.ErrNotExist) && unreadable == nil {
		return nil, fmt.Errorf("read the log's head: %w", err)
	}
	unsigned := err != nil && unreadable == nil
	verify := func(ctx context.Context, pace storage.Pace, sizes ...uint64) (*storage.Verified, error) {
		v, err := storage.Verify(ctx, f.Log(), pace, sizes...)
		if err != nil || v.Keys.Origin == "" {
			return v, err
		}
		if unreadable != nil {
			v.Faults = append(v.Faults, unreadable)
		}
		if unsigned && len(v.Keys.All) > 0 {
			v.Faults = append(v.Faults, &storage.CorruptError{File: f.Head(), Err: errors.New("it is missing, although the log was signed")})
		}
		return v, checkKey(f, v)
	}
	return Verify(ctx, verify, pace, claims...)
}

// checkKey compares the key of a folder, where there is one, with that of its log. The key of a
// log that names none, because it was signed before its first record, counts as the log's.
func checkKey(f *storage.Folder, v *storage.Verified) error {
	var fault error
	for _, path := range []string{f.Key(), nextKey(f)} {
		content, err := treehead.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if damage, ok := errors.AsType[*storage.CorruptError](storage.Unreadable(path, err)); ok {
			v.Faults = append(v.Faults, damage)
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the log's key: %w", err)
		}
		own, err := treehead.ParseSigner(v.Keys.Origin, content)
		switch n := len(v.Keys.All); {
		case err == nil && n == 0:
			v.Keys.All = []treehead.Key{{Public: own.Public()}}
			return nil
		case err == nil && v.Keys.All[n-1].Public == own.Public():
			return nil
		case err == nil:
			err = errors.New("it is not the key that the log names")
		}
		if fault == nil {
			fault = err
		}
	}
	if fault != nil {
		v.Faults = append(v.Faults, &storage.CorruptError{File: f.Key(), Err: fault})
	}
	return nil
}

// KeysOfFolder returns the keys of the log in a folder that nobody has open. Before its first
// record a log names none: then the folder's key counts.
func KeysOfFolder(f *storage.Folder) (treehead.Keys, error) {
	keys, err := storage.KeysOf(f.Log())
	if err != nil || len(keys.All) > 0 {
		return keys, err
	}
	v := &storage.Verified{Keys: keys}
	err = checkKey(f, v)
	return v.Keys, err
}
