package heads

import (
	"context"
	"errors"
	"fmt"
	"os"

	"gatebook/events"
	"gatebook/storage"
	"gatebook/storage/boltfile"
	"gatebook/storage/treehead"
)

// Record appends an event.
type Record func(e *events.KeyRotated) error

// Rotate makes another key, has the log name it, for which the key before vouches, and signs the
// log with it. It returns the new verifier key. The former private key is gone then; heads that
// it has signed still verify.
func (h *Heads) Rotate(by string, record Record) (verifier string, err error) {
	h.signing.Lock()
	defer h.signing.Unlock()
	if err := h.sign(); err != nil { // the last that the key signs
		return "", err
	}
	before, last := h.signer, h.Status()
	next, err := treehead.NewSigner(h.Keys().Origin)
	if err != nil {
		return "", err
	}
	e := &events.KeyRotated{Key: next.Verifier(), Before: before.Verifier(), Head: string(last.Signed), Size: last.Head.Size, By: by}
	if e.Endorsement, err = before.Endorse(e.Key); err != nil {
		return "", err
	}
	return e.Key, h.replace(next, e, record)
}

// replace has the log name a key, and signs with it. Whatever ends it in between, the next start
// finds the key that the log names.
func (h *Heads) replace(next *treehead.Signer, e *events.KeyRotated, record Record) error {
	if err := treehead.WriteFile(nextKey(h.o.Folder), next.Encode()); err != nil {
		return err
	}
	if err := record(e); err != nil {
		return err // the key stays: what failed may be in the log all the same
	}
	h.signer = next
	err := treehead.WriteFile(h.o.Folder.Key(), next.Encode())
	if err == nil {
		err = boltfile.RemoveIfThere(nextKey(h.o.Folder))
	}
	return errors.Join(err, h.sign())
}

// offline opens the log of a folder that nobody has open, calls do with it, and closes it. The function that do is
// given appends events as one list.
func offline(ctx context.Context, folder *storage.Folder, o Options, do func(Options, func(...events.Event) error) error) (err error) {
	log, err := storage.OpenBolt(folder.Log(), storage.BoltOptions{Clock: func() events.Time { return events.TimeOf(o.Now()) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	o.Log, o.Folder = log, folder
	return do(o, func(all ...events.Event) error {
		if err := log.Start(log.Head().Sequence, func([]events.Record) error { return nil }); err != nil {
			return err
		}
		entries := make([]storage.Entry, len(all))
		for i, e := range all {
			entries[i].Record.Event = e
		}
		return log.Append(ctx, entries)
	})
}

// RotateOffline is [Heads.Rotate] for a log that nobody has open.
func RotateOffline(ctx context.Context, folder *storage.Folder, by string, o Options) (verifier string, err error) {
	err = offline(ctx, folder, o, func(o Options, record func(...events.Event) error) error {
		h, err := Open(o)
		if err == nil {
			err = h.Begin()
		}
		if err == nil {
			verifier, err = h.Rotate(by, func(e *events.KeyRotated) error { return record(e) })
		}
		return err
	})
	return verifier, err
}

// Found is what a folder has of the heads of a log that is to be signed as it is.
type Found struct {
	// Head is the newest head, where a key of the log has signed it; otherwise the zero head.
	Head   treehead.Head
	signed []byte
	// OnlyKeyLost is true for a log that contains its newest head, and whose key is missing or another. Its
	// records are those that were signed. Of any other log nobody can say that it has all of its records.
	OnlyKeyLost bool
}

// found reads the head and the key of a log's folder, and compares them with the log.
func (o Options) found(keys treehead.Keys) (f Found, err error) {
	signed, err := treehead.ReadFile(o.Folder.Head())
	if errors.Is(err, os.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("read the log's head: %w", err)
	}
	head, err := keys.Open(signed)
	if err != nil {
		return f, nil // of another log, or signed after the records that are there
	}
	f.Head, f.signed = head, signed
	if head.Size > o.Log.Head().Sequence {
		return f, nil
	}
	root, err := o.Log.RootAt(head.Size)
	if err != nil {
		return f, nil // damaged: what it had is not known
	}
	h := &Heads{o: o}
	f.OnlyKeyLost = root == head.Root && h.openKey(keys) != nil
	return f, nil
}

// Force signs a log, which nobody has open, as it is, with a new key: its key or its head was lost,
// or it was rolled back. The log says so in a record, with the head that was found and without
// the word of the key before. It returns the new verifier key. The event that first returns, unless it is nil, is
// recorded before that in the same commit.
func Force(ctx context.Context, folder *storage.Folder, by string, o Options, first func(*storage.Bolt, Found) (events.Event, error)) (verifier string, err error) {
	err = offline(ctx, folder, o, func(o Options, record func(...events.Event) error) error {
		keys := o.Log.Keys()
		next, err := treehead.NewSigner(keys.Origin)
		if err != nil {
			return err
		}
		e := &events.KeyRotated{Key: next.Verifier(), By: by}
		if all := keys.Verifiers(); len(all) > 0 {
			e.Before = all[0]
		}
		found, err := o.found(keys)
		if err != nil {
			return err
		}
		e.Head, e.Size = string(found.signed), found.Head.Size
		before, err := first(o.Log, found)
		if err != nil {
			return err
		}
		if len(keys.All) == 0 {
			o.Log.BeginSigning(next.Public())
		}
		verifier = e.Key
		h := &Heads{o: o}
		return h.replace(next, e, func(e *events.KeyRotated) error {
			if before == nil {
				return record(e)
			}
			return record(before, e)
		})
	})
	return verifier, err
}
