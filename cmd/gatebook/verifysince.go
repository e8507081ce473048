package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"gatebook/httpd/client"
	"gatebook/storage/treehead"
)

// sinceRemote checks over the network that the log of a server begins with what each head of a file covers.
// It trusts the heads that the caller kept, and no word of the server.
func (c *verifyCommand) sinceRemote(ctx context.Context, server *client.Client, to *streams) error {
	source, err := openKept(c.Since)
	if err != nil {
		return err
	}
	defer source.close()
	// The head goes first: a key that has signed it is among the keys, also where the key is rotated meanwhile.
	signed, err := server.Checkpoint(ctx)
	if err != nil {
		return err
	}
	keys, rotations, err := keysOf(ctx, server)
	if err != nil {
		return err
	}
	kept, err := source.read(keys)
	if err != nil {
		return err
	}
	if err := kept.vouch(rotations); err != nil {
		return err
	}
	faults, now, err := kept.proven(ctx, server, signed)
	if err != nil {
		return err
	}
	if faults = append(kept.faults, faults...); len(faults) > 0 {
		return fmt.Errorf("%s: %s%s", faults[0].File, faults[0].Error, andMore(len(faults)-1))
	}
	printCompared(to, kept.claim(), fmt.Sprintf("%d of %s", now.Size, server.Address()))
	return nil
}

// keysOf returns the keys of a server's log, and the records that name them.
func keysOf(ctx context.Context, server *client.Client) (keys treehead.Keys, rotations []client.KeyRotation, err error) {
	all, err := server.VerifierKeys(ctx)
	if err == nil && len(all) == 0 {
		err = errors.New("the server has no keys that verify heads")
	}
	if err != nil {
		return keys, nil, err
	}
	if rotations, err = server.KeyRotations(ctx); err != nil {
		return keys, nil, err
	}
	first := all[len(all)-1]
	keys.Origin = treehead.NameOf(first)
	public, err := treehead.ParseVerifier(keys.Origin, first)
	if err != nil {
		return keys, nil, err
	}
	keys.All = []treehead.Key{{Public: public}}
	for _, r := range rotations {
		if public, err = treehead.ParseVerifier(keys.Origin, r.Key); err != nil {
			return keys, nil, fmt.Errorf("record %d: %w", r.Sequence, err)
		}
		keys.All = withKey(keys.All, treehead.Key{From: r.Sequence, Public: public})
	}
	return keys, rotations, nil
}

// withKey adds a key that is not there yet. A log that was imported without its first key names the
// one after it as the first, and a signature of a key that is there twice is ambiguous.
func withKey(all []treehead.Key, k treehead.Key) []treehead.Key {
	if slices.ContainsFunc(all, func(other treehead.Key) bool { return other.Public == k.Public }) {
		return all
	}
	return append(all, k)
}

// inconsistentError reports a head that the log of a server does not contain.
type inconsistentError struct{ why string }

func (e *inconsistentError) Error() string { return e.why }

// consistent checks that the log of one head begins with that of an older one. The error is an [*inconsistentError]
// where it does not.
func consistent(ctx context.Context, server *client.Client, before, now treehead.Head) error {
	if before.Size > now.Size {
		return &inconsistentError{fmt.Sprintf("the log had %d records, and the server has %d: it was rolled back", before.Size, now.Size)}
	}
	if before.Size == 0 {
		return nil
	}
	p, err := server.ProveTree(ctx, before.Size, now.Size)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(p.Proof, int64(now.Size), now.Root, int64(before.Size), before.Root); err != nil {
		return &inconsistentError{fmt.Sprintf("the first %d records of the server are not those that the head was signed for: it is another history of this log, or was changed", before.Size)}
	}
	return nil
}
