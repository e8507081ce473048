package main

import (
	"slices"
	"testing"

	"gatebook/storage/treehead"
)

// TestKeyNamedTwice adds a key that is known.
func TestKeyNamedTwice(t *testing.T) {
	t.Parallel()
	first, second := treehead.Key{Public: treehead.PublicKey{1}}, treehead.Key{From: 5, Public: treehead.PublicKey{2}}
	got := withKey(withKey(withKey([]treehead.Key{first}, second), treehead.Key{From: 9, Public: first.Public}), second)
	if !slices.Equal(got, []treehead.Key{first, second}) {
		t.Errorf("got %v", got)
	}
}
