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

// sinceRemote checks over the network that the log of a server begins with what a head covers.
// It trusts the head that the caller kept, and no word of the server.
func (c *verifyCommand) sinceRemote(ctx context.Context, server *client.Client, kept []byte, torn bool, to *streams) error {
	// The head goes first: a key that has signed it is among the keys, also where the key is rotated meanwhile.
	signed, err := server.Checkpoint(ctx)
	if err != nil {
		return err
	}
	keys, rotations, err := keysOf(ctx, server)
	if err != nil {
		return err
	}
	before, err := keys.Open(kept)
	if err != nil {
		return notOfLog(c.Since, err)
	}
	now, err := keys.Open(signed)
	if err != nil {
		return fmt.Errorf("the head that the server has sent: %w", err)
	}
	named := make([]treehead.Rotation, len(rotations))
	for i, r := range rotations {
		named[i] = treehead.Rotation{Sequence: r.Sequence, Key: r.Key, Before: r.KeyBefore, Endorsement: r.Endorsement}
	}
	unvouched, err := keys.Unvouched(before.Size, named)
	if err != nil {
		return err
	}
	if err := consistent(ctx, server, before, now); err != nil {
		return err
	}
	printCompared(to, client.ClaimedHead{Name: c.Since, Size: before.Size, Unvouched: unvouched, Torn: torn}, fmt.Sprintf("%d of %s", now.Size, server.Address()))
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

// consistent checks that the log of one head begins with that of an older one.
func consistent(ctx context.Context, server *client.Client, before, now treehead.Head) error {
	if before.Size > now.Size {
		return fmt.Errorf("the log had %d records, and the server has %d: it was rolled back", before.Size, now.Size)
	}
	if before.Size == 0 {
		return nil
	}
	p, err := server.ProveTree(ctx, before.Size, now.Size)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(p.Proof, int64(now.Size), now.Root, int64(before.Size), before.Root); err != nil {
		return fmt.Errorf("the first %d records of the server are not those that the head was signed for: it is another history of this log, or was changed", before.Size)
	}
	return nil
}
