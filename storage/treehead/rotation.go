package treehead

import "fmt"

// Rotation is a record of a log that names another key.
type Rotation struct {
	// Sequence is that of the record.
	Sequence uint64
	// Key and Before are the verifier keys of the new key and of the one before it.
	Key, Before string
	// Endorsement is a signed note in which the key before vouches for the new one, "" for none.
	Endorsement string
}

// Unvouched returns the records after a head of that size that name a key for which the key
// before does not vouch: trust in the key of the head does not reach the keys from there on. The rotations
// are all of the log, in their order. The error is that of a note that vouches for nothing: no program that
// writes logs records one.
func (k Keys) Unvouched(size uint64, rotations []Rotation) (records []uint64, err error) {
	key := ""
	for _, one := range k.All {
		if key == "" || one.From <= size {
			key = Verifier(k.Origin, one.Public)
		}
	}
	for _, r := range rotations {
		if r.Sequence <= size || r.Key == key { // the first record of an unsigned log names the key that it has
			continue
		}
		if r.Endorsement == "" || r.Before != key {
			records = append(records, r.Sequence)
		} else if err := CheckEndorsement(r.Before, r.Key, r.Endorsement); err != nil {
			return records, fmt.Errorf("record %d: %w", r.Sequence, err)
		}
		key = r.Key
	}
	return records, nil
}
