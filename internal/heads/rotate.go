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

// offline opens the log of a folder that nobody has open, calls do with it, and closes it.
func offline(ctx context.Context, folder *storage.Folder, o Options, do func(Options, Record) error) (err error) {
	log, err := storage.OpenBolt(folder.Log(), storage.BoltOptions{Clock: func() events.Time { return events.TimeOf(o.Now()) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	o.Log, o.Folder = log, folder
	return do(o, func(e *events.KeyRotated) error {
		if err := log.Start(log.Head().Sequence, func([]events.Record) error { return nil }); err != nil {
			return err
		}
		return log.Append(ctx, []storage.Entry{{Record: events.Record{Event: e}}})
	})
}

// RotateOffline is [Heads.Rotate] for a log that nobody has open.
func RotateOffline(ctx context.Context, folder *storage.Folder, by string, o Options) (verifier string, err error) {
	err = offline(ctx, folder, o, func(o Options, record Record) error {
		h, err := Open(o)
		if err == nil {
			err = h.Begin()
		}
		if err == nil {
			verifier, err = h.Rotate(by, record)
		}
		return err
	})
	return verifier, err
}

// Force signs a log, which nobody has open, as it is, with a new key: its key or its head was lost,
// or it was rolled back. The log says so in a record, with the head that was found and without
// the word of the key before. It returns the new verifier key.
func Force(ctx context.Context, folder *storage.Folder, by string, o Options) (verifier string, err error) {
	err = offline(ctx, folder, o, func(o Options, record Record) error {
		keys := o.Log.Keys()
		next, err := treehead.NewSigner(keys.Origin)
		if err != nil {
			return err
		}
		e := &events.KeyRotated{Key: next.Verifier(), By: by}
		if all := keys.Verifiers(); len(all) > 0 {
			e.Before = all[0]
		} else {
			o.Log.BeginSigning(next.Public())
		}
		signed, err := treehead.ReadFile(folder.Head())
		if err == nil {
			if head, err := keys.Open(signed); err == nil {
				e.Head, e.Size = string(signed), head.Size
			}
		} else if !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("read the log's head: %w", err)
		}
		verifier = e.Key
		h := &Heads{o: o}
		return h.replace(next, e, record)
	})
	return verifier, err
}
