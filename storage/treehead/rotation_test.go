package treehead_test

import (
	"fmt"
	"strings"
	"testing"

	"gatebook/storage/treehead"
)

// TestUnvouched compares heads of several sizes with the rotations of a log whose keys are a, b, c and d.
func TestUnvouched(t *testing.T) {
	t.Parallel()
	origin := treehead.Origin([16]byte{1})
	var signers []*treehead.Signer
	for range 5 {
		s, err := treehead.NewSigner(origin)
		if err != nil {
			t.Fatal(err)
		}
		signers = append(signers, s)
	}
	a, b, c, d, other := signers[0], signers[1], signers[2], signers[3], signers[4]
	by := func(sequence uint64, before, key, vouching *treehead.Signer) treehead.Rotation {
		r := treehead.Rotation{Sequence: sequence, Before: before.Verifier(), Key: key.Verifier()}
		if vouching != nil {
			var err error
			if r.Endorsement, err = vouching.Endorse(key.Verifier()); err != nil {
				t.Fatal(err)
			}
		}
		return r
	}
	keys := treehead.Keys{Origin: origin, All: []treehead.Key{{Public: a.Public()}, {From: 10, Public: b.Public()}, {From: 20, Public: c.Public()}, {From: 30, Public: d.Public()}}}
	good := []treehead.Rotation{by(10, a, b, a), by(20, b, c, b), by(30, c, d, c)}
	lost := []treehead.Rotation{by(10, a, b, a), by(20, b, c, nil), by(30, c, d, c)}
	for name, test := range map[string]struct {
		rotations []treehead.Rotation
		size      uint64
		want      string
	}{
		"all are vouched for":                 {good, 5, "[] <nil>"},
		"one is not":                          {lost, 5, "[20] <nil>"},
		"before it":                           {lost, 19, "[20] <nil>"},
		"after it":                            {lost, 20, "[] <nil>"},
		"a key vouches for itself":            {[]treehead.Rotation{by(10, b, b, b)}, 5, "[10] <nil>"},
		"a key that was never the log's":      {[]treehead.Rotation{by(10, other, b, other), by(20, b, c, b)}, 5, "[10] <nil>"},
		"a note of another key":               {[]treehead.Rotation{by(10, a, b, other)}, 5, "record 10: the note that vouches for"},
		"a note that vouches for another":     {[]treehead.Rotation{{Sequence: 10, Before: a.Verifier(), Key: b.Verifier(), Endorsement: by(10, a, c, a).Endorsement}}, 5, "record 10: the note vouches for another key"},
		"the first record of an unsigned one": {[]treehead.Rotation{{Sequence: 1, Key: a.Verifier()}, by(10, a, b, a)}, 0, "[] <nil>"},
	} {
		records, err := keys.Unvouched(test.size, test.rotations)
		if got := fmt.Sprint(records, err); !strings.Contains(got, test.want) {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}
