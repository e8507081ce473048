package gatebook

import (
	"context"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"gatebook/events"
	"gatebook/internal/calls"
	"gatebook/internal/heads"
	"gatebook/internal/journal"
	"gatebook/storage"
	"gatebook/storage/treehead"
)

// HeadStatus is the newest signed head of the log, and how writing it goes.
type HeadStatus = heads.Status

// Anchor keeps signed heads of the log where who owns the host cannot change them.
type Anchor = heads.Anchor

// AnchorStatus is how an anchor goes.
type AnchorStatus = heads.AnchorStatus

// HeadClaim is a signed head that a log is compared with.
type HeadClaim = heads.Claim

// NotSignedError reports a proof for more records than the newest head covers.
type NotSignedError = heads.NotSignedError

// Proofs are the signed heads of the registry's log, and what is proven against them. Its methods
// are safe for concurrent use, also beside Close.
type Proofs struct {
	signed *heads.Heads // nil for a log that is not kept in files
	stored *storage.Bolt
	calls  *calls.Gate
	met    func(*storage.CorruptError) // is called with damage
}

// Heads returns the newest signed head. Errors: [ErrNoFiles].
func (p *Proofs) Heads() (HeadStatus, error) {
	if p.signed == nil {
		return HeadStatus{}, ErrNoFiles
	}
	return p.signed.Status(), nil
}

// VerifierKeys returns the keys that verify signed heads of the log, the newest first, as
// golang.org/x/mod/sumdb/note encodes them. Errors: [ErrNoFiles].
func (p *Proofs) VerifierKeys() ([]string, error) {
	if p.signed == nil {
		return nil, ErrNoFiles
	}
	return p.signed.Keys().Verifiers(), nil
}

// RecordProof proves that a record is in the log.
type RecordProof struct {
	Sequence uint64
	// Size is the number of records of the tree.
	Size uint64
	// Leaf is the hash of the record in the tree.
	Leaf  tlog.Hash
	Proof tlog.RecordProof
}

// ProveRecord proves that the tree over so many of the first records contains a record. Size 0
// stands for that of the newest head. Errors: [ErrInvalid], [*NotSignedError],
// [*storage.CorruptError], [ErrNoFiles].
func (p *Proofs) ProveRecord(sequence, size uint64) (proof RecordProof, err error) {
	err = p.prove(func() error {
		proof.Sequence = sequence
		proof.Proof, proof.Leaf, proof.Size, err = p.signed.ProveRecord(sequence, size)
		return err
	})
	return proof, err
}

// TreeProof proves that a tree begins with a smaller one.
type TreeProof struct {
	From, To uint64
	Proof    tlog.TreeProof
}

// ProveTree proves that the tree over so many of the first records begins with a smaller one. 0
// for the larger stands for that of the newest head. Errors: those of [Proofs.ProveRecord].
func (p *Proofs) ProveTree(from, to uint64) (proof TreeProof, err error) {
	err = p.prove(func() error {
		proof.From = from
		proof.Proof, proof.To, err = p.signed.ProveTree(from, to)
		return err
	})
	return proof, err
}

// StoredRecord is a record as proofs cover it.
type StoredRecord struct {
	events.Stored
	// Leaf is the sequence as 8 bytes, big-endian, followed by the core.
	Leaf []byte
}

// StoredRecord returns a record as it is stored. Errors: [ErrNotFound], [ErrNoFiles],
// [*storage.CorruptError].
func (p *Proofs) StoredRecord(sequence uint64) (s StoredRecord, err error) {
	err = p.prove(func() error {
		if sequence == 0 || sequence > p.stored.Head().Sequence {
			return ErrNotFound
		}
		s.Stored, err = p.stored.Stored(sequence)
		s.Leaf = heads.Leaf(sequence, s.Stored)
		return err
	})
	return s, err
}

// prove calls a function that reads the log's files, which Close waits for.
func (p *Proofs) prove(do func() error) error {
	if p.signed == nil {
		return ErrNoFiles
	}
	if !p.calls.Enter() {
		return ErrClosed
	}
	defer p.calls.Leave()
	err := do()
	if damage, ok := errors.AsType[*storage.CorruptError](err); ok { // also a proof that does not lead to the head
		p.met(damage)
	}
	if why, ok := errors.AsType[*heads.InvalidError](err); ok {
		return invalid(why)
	}
	return err
}

// RotateKey makes another key to sign heads with, which the one before vouches for in the log. It
// returns the verifier key. The errors are those of recording, and of writing files.
func (r *Registry) RotateKey(ctx context.Context, by string) (verifier string, err error) {
	err = r.prove(func() error {
		verifier, err = r.signed.Rotate(by, func(e *events.KeyRotated) error {
			return r.append(ctx, journal.One(0, e))
		})
		return err
	})
	return verifier, err
}

// RotateFolderKey is [Registry.RotateKey] for a folder that nobody has open. A folder that no server may use
// is refused ([*storage.UnusableError]).
func RotateFolderKey(ctx context.Context, folder *storage.Folder, by string) (verifier string, err error) {
	if err := folder.CheckUsable(); err != nil {
		return "", err
	}
	return heads.RotateOffline(ctx, folder, by, heads.Options{Report: func(error) {}, Now: time.Now})
}

// FolderKeys returns the verifier keys of the log in a folder that nobody has open, the newest
// first.
func FolderKeys(folder *storage.Folder) ([]string, error) {
	keys, err := heads.KeysOfFolder(folder)
	return keys.Verifiers(), err
}

// FolderHeadKeys returns the keys of the log in a folder that nobody has open, with which its heads are checked.
func FolderHeadKeys(folder *storage.Folder) (treehead.Keys, error) {
	return heads.KeysOfFolder(folder)
}

// VerifyFolder verifies the log of a folder that nobody has open: see [storage.Verify]. It verifies
// the newest head and the key too, as far as they are there, and that the log contains the
// claimed heads. Where one of these is no head of the log, nothing is read.
func VerifyFolder(ctx context.Context, folder *storage.Folder, pace storage.Pace, claims ...HeadClaim) (*storage.Verified, error) {
	return heads.VerifyFolder(ctx, folder, pace, claims...)
}
