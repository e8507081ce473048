package heads

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"gatebook/internal/shell"
	"gatebook/storage"
	"gatebook/storage/boltfile"
	"gatebook/storage/treehead"
)

const (
	// idleAfter is how long nothing is recorded before a head is signed, and mostEvery how long
	// a log that is never idle goes without one.
	idleAfter = 100 * time.Millisecond
	mostEvery = time.Second
)

// Options are what heads are signed of, and where.
type Options struct {
	Log    *storage.Bolt
	Folder *storage.Folder
	// Report is called with failures in the background.
	Report func(error)
	// Now is the clock.
	Now func() time.Time
	// AnchorEvery is how much newer a head is at least than the one before it at an anchor; 0
	// means a minute.
	AnchorEvery time.Duration
	// Anchors are those whose heads the log is compared with.
	Anchors []Anchor
}

// Heads signs the heads of a log. It is safe for concurrent use.
type Heads struct {
	o Options

	signing sync.Mutex // held while a head is signed and written, and a key rotated
	signer  *treehead.Signer
	// unsigned is true for a log that names no key yet.
	unsigned bool

	// anchorEvery is [anchorEvery], less in tests.
	anchorEvery time.Duration

	mu      sync.Mutex // guards the fields below
	status  Status
	anchors []*anchored
	// keyFault is what is wrong with the file of the key, nil for nothing.
	keyFault *KeyError
}

// Status is the newest head, and how its writing goes.
type Status struct {
	// Signed is the newest head as a signed note, Head what it says, Time when it was signed;
	// zero for one that an earlier process has signed.
	Signed []byte
	Head   treehead.Head
	Time   time.Time
	// Err is why the newest head could not be written, nil when it could.
	Err error
}

// Status returns the newest head that was written, and how writing goes.
func (h *Heads) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status
}

// Keys returns the keys of the log.
func (h *Heads) Keys() treehead.Keys { return h.o.Log.Keys() }

// Run signs a head whenever the log has grown and is idle, and once a second while it is not,
// until ctx ends.
func (h *Heads) Run(ctx context.Context) {
	for {
		if err := h.o.Log.Wait(ctx, h.Status().Head.Size); err != nil {
			return // the log is closed, or delivers nothing any more
		}
		began, seen := time.Now(), h.o.Log.Head().Sequence
		for time.Since(began) < mostEvery && rest(ctx, idleAfter) {
			now := h.o.Log.Head().Sequence
			if now == seen {
				break
			}
			seen = now
		}
		if ctx.Err() != nil {
			return
		}
		if err := h.Sign(); err != nil && !rest(ctx, mostEvery) {
			return
		}
	}
}

// rest blocks for a time. It returns false when ctx ends first.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Sign signs the log as it is now, unless the newest head is of that size. A failure is reported
// if the last head could be written.
func (h *Heads) Sign() error {
	h.signing.Lock()
	defer h.signing.Unlock()
	return h.sign()
}

// sign is Sign. Its caller holds signing.
func (h *Heads) sign() error {
	size, root := h.o.Log.Tree()
	if old := h.Status(); old.Head.Size == size && old.Err == nil && old.Signed != nil {
		return nil
	}
	head := treehead.Head{Size: size, Root: root}
	signed, err := h.signer.Sign(head)
	if err == nil {
		err = treehead.WriteFile(h.o.Folder.Head(), signed)
	}
	h.mu.Lock()
	known := h.status.Err != nil
	if h.status.Err = err; err == nil {
		h.status.Signed, h.status.Head, h.status.Time = signed, head, h.o.Now()
	}
	h.mu.Unlock()
	if err != nil && !known {
		h.o.Report(&HeadError{File: h.o.Folder.Head(), Err: err})
	}
	return err
}

// Open checks a log against its newest head and those that its anchors keep, and returns what signs the next ones after [Heads.Begin].
// It writes nothing but what an earlier rotation of the key has left to do. The error is a
// [*storage.CorruptError] for a log that was rolled back or is another, and for a head or key that is
// missing or not the log's.
func Open(o Options) (*Heads, error) {
	h := &Heads{o: o, anchorEvery: cmp.Or(o.AnchorEvery, anchorEvery)}
	keys := o.Log.Keys()
	h.unsigned = len(keys.All) == 0
	if err := h.openKey(keys); err != nil {
		return nil, err
	}
	if h.unsigned && h.signer != nil {
		keys.All = []treehead.Key{{Public: h.signer.Public()}}
	}
	signed, err := treehead.ReadFile(o.Folder.Head())
	switch {
	case err == nil:
		head, err := checkHead(o, keys, signed)
		if err != nil {
			return nil, err
		}
		h.status.Signed, h.status.Head = signed, head
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("read the log's head: %w", err)
	case !h.unsigned:
		return nil, o.refuse(o.Folder.Head(), errors.New("it is missing, and without it nobody can say whether the log was rolled back; put it back from a copy"))
	}
	for _, a := range o.Anchors {
		if err := o.checkAnchor(keys, a); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Begin makes the key and the first head of a log that was never signed. It is called before the
// log is started.
func (h *Heads) Begin() (err error) {
	if !h.unsigned {
		return nil
	}
	// Key and head are durable before the log says that it has them.
	if h.signer == nil {
		if h.signer, err = treehead.NewSigner(h.Keys().Origin); err != nil {
			return err
		}
		if err := treehead.WriteFile(h.o.Folder.Key(), h.signer.Encode()); err != nil {
			return err
		}
	}
	if err := h.Sign(); err != nil {
		return err
	}
	h.o.Log.BeginSigning(h.signer.Public())
	return nil
}

// refuse returns the error for a log that is not opened, with the way out.
func (o Options) refuse(file string, err error) error {
	return &storage.CorruptError{File: file, Err: fmt.Errorf(
		"%w. To go on with the log as it is, under a new key and with a record that says so: gatebook key rotate --force --data %s", err, shell.Quote(o.Folder.Path))}
}

// checkHead returns the head in a note, if the log contains it.
func checkHead(o Options, keys treehead.Keys, signed []byte) (treehead.Head, error) {
	head, err := keys.Open(signed)
	if err != nil {
		return head, o.refuse(o.Folder.Head(), err)
	}
	why, err := o.lacks(head)
	if why != nil {
		err = o.refuse(o.Folder.Log(), why)
	}
	return head, err
}

func rolledBack(size, signed uint64) error {
	return fmt.Errorf("it ends at record %d, and its head was signed at record %d: it was rolled back, or is an older copy; put the newer one back", size, signed)
}

func otherHistory(signed uint64) error {
	return fmt.Errorf("its first %d records are not those that its head was signed for: it is another history of this log, or was changed; put the right one back", signed)
}

// nextKey is where a new key is kept until the log names it.
func nextKey(f *storage.Folder) string { return f.Key() + ".next" }

// openKey reads the key, which must be the newest that the log names.
func (h *Heads) openKey(keys treehead.Keys) error {
	path := h.o.Folder.Key()
	content, err := treehead.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist) && len(keys.All) == 0 && !isThere(h.o.Folder.Head()):
		return nil // Begin makes it
	case errors.Is(err, os.ErrNotExist):
		if h.adopt(keys) {
			return nil
		}
		return h.o.refuse(path, errors.New("it is missing, and it is the key that signs the heads of this log; put it back from a copy"))
	case err != nil:
		return fmt.Errorf("read the log's key: %w", err)
	}
	if h.signer, err = treehead.ParseSigner(keys.Origin, content); err != nil {
		return h.o.refuse(path, err)
	}
	if n := len(keys.All); n > 0 && keys.All[n-1].Public != h.signer.Public() && !h.adopt(keys) {
		return h.o.refuse(path, fmt.Errorf("the log names %s as its key, and this is another; put the right one back",
			treehead.Verifier(keys.Origin, keys.All[n-1].Public)))
	}
	return boltfile.RemoveIfThere(nextKey(h.o.Folder)) // the log does not name it
}

// adopt completes a rotation that was ended after the log had named the new key. It returns
// false where there is none.
func (h *Heads) adopt(keys treehead.Keys) bool {
	content, err := treehead.ReadFile(nextKey(h.o.Folder))
	if err != nil || len(keys.All) == 0 {
		return false
	}
	next, err := treehead.ParseSigner(keys.Origin, content)
	if err != nil || next.Public() != keys.All[len(keys.All)-1].Public {
		return false
	}
	if err := treehead.WriteFile(h.o.Folder.Key(), content); err != nil {
		h.o.Report(err) // it is tried again with the next start
	}
	h.signer = next
	return true
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
