package events

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Core appends to dst the bytes of a record that every proof covers, the leaf of the
// Merkle tree: its sequence and the stored record without its personal parts and its
// checksum.
func Core(dst []byte, sequence uint64, b []byte) ([]byte, error) {
	p, err := split(sequence, b)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint64(dst, sequence), p.core...), nil
}

// AppendLeaf is [Core] of a record that was encoded or decoded just now: it does not check it
// again.
func AppendLeaf(dst []byte, sequence uint64, b []byte) ([]byte, error) {
	if len(b) < headSize+1+crcSize {
		return nil, fmt.Errorf("%w %d: %d bytes are too few", ErrDamaged, sequence, len(b))
	}
	body := b[:len(b)-crcSize]
	var p parts
	rest, err := p.cutHead(body[2], body)
	if err != nil {
		return nil, fmt.Errorf("%w %d: its head is malformed: %w", ErrDamaged, sequence, err)
	}
	return append(binary.BigEndian.AppendUint64(dst, sequence), body[:len(body)-len(rest)]...), nil
}

// Stored is a record as it is stored, without its checksum.
type Stored struct {
	// Core is what proofs cover, behind the sequence.
	Core []byte
	// Subject and Actor are the salts and the fields of the personal parts; nil is one that
	// the record has not, and an empty one was erased. A record of format 1 has at most one
	// part, Subject, with the fields of both.
	Subject, Actor []byte
}

// Split returns copies of the parts of a stored record. It checks them as [Decode] does.
func Split(sequence uint64, b []byte) (s Stored, err error) {
	if _, err := Decode(sequence, b, nil); err != nil {
		return s, err
	}
	p, err := split(sequence, b)
	if err != nil {
		return s, err
	}
	s.Core = bytes.Clone(p.core)
	for part, to := range map[*personalPart]*[]byte{&p.subject: &s.Subject, &p.actor: &s.Actor} {
		if part.commitment != nil {
			*to = append([]byte{}, part.bytes...)
		}
	}
	return s, nil
}

// KindOf returns the kind of a stored record, 0 for one that is too short to have one.
func KindOf(b []byte) Kind {
	if len(b) < 2 {
		return 0
	}
	return Kind(b[1])
}

// Join appends to dst the stored record of its parts: what [Split] was given. It checks it as
// [Decode] does.
func Join(dst []byte, sequence uint64, s Stored) ([]byte, error) {
	if len(s.Core) < headSize+1 {
		return nil, fmt.Errorf("%w %d: a core of %d bytes is too short", ErrDamaged, sequence, len(s.Core))
	}
	start, flags := len(dst), s.Core[2]
	dst = append(dst, s.Core...)
	for _, part := range []struct {
		name  string
		flag  byte
		bytes []byte
	}{{"subject", flagSubject, s.Subject}, {"actor", flagActor, s.Actor}} {
		switch has := flags&part.flag != 0; {
		case has && part.bytes == nil:
			return nil, fmt.Errorf("%w %d: its personal part %s is missing", ErrDamaged, sequence, part.name)
		case !has && part.bytes != nil:
			return nil, fmt.Errorf("%w %d: its core has no personal part %s", ErrDamaged, sequence, part.name)
		case has && s.Core[0] > 1:
			dst = binary.AppendUvarint(dst, uint64(len(part.bytes)))
		}
		dst = append(dst, part.bytes...)
	}
	dst = binary.BigEndian.AppendUint32(dst, checksum(sequence, dst[start:]))
	_, err := Decode(sequence, dst[start:], nil)
	return dst, err
}
