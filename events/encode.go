package events

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"

	"gatebook/events/wire"
)

// Append appends the encoded record to b: see [Coder.Append].
func Append(b []byte, r *Record, salt func([]byte)) []byte {
	var c Coder
	return c.Append(b, r, salt)
}

// Append appends the encoded record to b, without the sequence, the recorded time and
// the checksum, which [Seal] adds. For each personal part of a record, salt must fill its
// argument with random bytes.
func (c *Coder) Append(b []byte, r *Record, salt func([]byte)) []byte {
	start := len(b)
	b = append(b, Format, byte(r.Event.Kind()), 0, 0, 0, 0, 0, 0, 0, 0, 0)
	var flags byte
	if r.Session != 0 {
		flags |= flagSession
		b = binary.AppendUvarint(b, r.Session)
	}
	if r.Occurred != 0 {
		flags |= flagOccurred
		b = binary.BigEndian.AppendUint64(b, uint64(r.Occurred))
	}
	subject, actor := c.encodePersonal(r.Event, salt)
	if subject != nil {
		flags |= flagSubject
		b = commit(b, subject)
	}
	if actor != nil {
		flags |= flagActor
		b = commit(b, actor)
	}
	b[start+2] = flags

	// The payload's length precedes it. It is nearly always one byte.
	b = append(b, 0)
	at := len(b)
	c.fields.Encode(b)
	r.Event.core(&c.fields)
	b = wire.PutLength(c.fields.Bytes(), at)
	return appendPart(appendPart(b, subject), actor)
}

// commit appends the commitment to a personal part.
func commit(b, part []byte) []byte {
	sum := sha256.Sum256(part)
	return append(b, sum[:]...)
}

// appendPart appends a personal part behind its length; nothing for nil.
func appendPart(b, part []byte) []byte {
	if part == nil {
		return b
	}
	return append(binary.AppendUvarint(b, uint64(len(part))), part...)
}

// encodePersonal encodes the personal parts of e, each a salt and its fields; nil is one that
// e has not. They are valid until the next call.
func (c *Coder) encodePersonal(e Event, salt func([]byte)) (subject, actor []byte) {
	if hasNobody(e) {
		return nil, nil
	}
	var room [SaltSize]byte
	c.subject.Encode(append(c.subjectPart[:0], room[:]...))
	c.actor.Encode(append(c.actorPart[:0], room[:]...))
	c.personal = personalCoders{subject: &c.subject, actor: &c.actor}
	e.personal(&c.personal)
	c.subjectPart, c.actorPart = c.subject.Bytes(), c.actor.Bytes()
	return salted(c.subjectPart, salt), salted(c.actorPart, salt)
}

// salted writes the salt of a personal part; it returns nil for one without fields.
func salted(part []byte, salt func([]byte)) []byte {
	if len(part) == SaltSize {
		return nil
	}
	salt(part[:SaltSize])
	return part
}

// Seal completes the record that [Append] encoded. b must hold that one record and
// nothing else, and may be extended.
func Seal(b []byte, sequence uint64, recorded Time) []byte {
	binary.BigEndian.PutUint64(b[recordedOffset:], uint64(recorded))
	return binary.BigEndian.AppendUint32(b, checksum(sequence, b))
}

// checksum returns the CRC-32C (Castagnoli) of the sequence and the bytes, so that a
// record in the wrong position is detected too.
func checksum(sequence uint64, b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	// Not crc32.Update, which lets its bytes escape: an allocation per record.
	sum := ^uint32(0)
	for shift := 56; shift >= 0; shift -= 8 {
		sum = table[byte(sum)^byte(sequence>>shift)] ^ sum>>8
	}
	return crc32.Update(^sum, table, b)
}
