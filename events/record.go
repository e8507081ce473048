package events

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"gatebook/events/wire"
)

// Format is the version of the binary form that is written. It rises when an older
// program could no longer read a record; see doc.go.
const Format = 1

// SaltSize is the length in bytes of the salt of a personal part.
const SaltSize = 16

// Record is an event in the log. It must not be changed: its Event is shared by all
// holders of the record.
type Record struct {
	// Sequence is the record's position in the log, from 1, without gaps.
	Sequence uint64
	// Recorded is when it was appended. It never decreases along the log.
	Recorded Time
	// Occurred is when it happened by the source's clock, 0 if the source did not
	// report it.
	Occurred Time
	// Session is the id of the record's session, 0 for none. It is the record's stream.
	Session uint64
	Event   Event
	// Erased is true if the personal part was deleted: its fields are zero.
	Erased bool
}

// MaxDelay is how long before it was recorded an event may have happened, in microseconds:
// 366 days. It covers every report that a source holds back while the registry is away.
const MaxDelay Time = 366 * 24 * 3600 * 1_000_000

// At returns when the event happened, as far as known: Occurred, or else Recorded. A source
// whose clock is wrong can report a time after the record itself, or more than [MaxDelay]
// before it. Neither can be true, so Recorded stands for both.
func (r *Record) At() Time {
	if r.Occurred == 0 || r.Occurred > r.Recorded || r.Occurred < r.Recorded-MaxDelay {
		return r.Recorded
	}
	return r.Occurred
}

// ErrDamaged is wrapped by the errors of [Decode] and [Core] for bytes that are not the
// record that was written.
var ErrDamaged = errors.New("damaged record")

// ErrNewer is wrapped by the error of [Decode] for a record in a newer format than this
// program's.
var ErrNewer = errors.New("record of a newer format")

const (
	flagSession  = 1 << 0
	flagOccurred = 1 << 1
	flagPersonal = 1 << 2

	recordedOffset = 3
	headSize       = recordedOffset + 8
	crcSize        = 4
)

// Coder encodes, decodes and cleans events, one after the other, and reuses its memory.
// The zero value is ready for use. It is used by one goroutine at a time.
type Coder struct {
	fields wire.Coder
	// personal is the buffer of a personal part.
	personal []byte
	// Strings shares equal texts among decoded records; nil shares none.
	Strings *wire.Strings
}

// Append appends the encoded record to b: see [Coder.Append].
func Append(b []byte, r *Record, salt func([]byte)) []byte {
	var c Coder
	return c.Append(b, r, salt)
}

// Append appends the encoded record to b, without the sequence, the recorded time and
// the checksum, which [Seal] adds. For a record with a personal part, salt must fill
// its argument with random bytes.
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
	personal := c.encodePersonal(r.Event, salt)
	if personal != nil {
		flags |= flagPersonal
		commitment := sha256.Sum256(personal)
		b = append(b, commitment[:]...)
	}
	b[start+2] = flags

	// The payload's length precedes it. It is nearly always one byte.
	b = append(b, 0)
	at := len(b)
	c.fields.Encode(b)
	r.Event.core(&c.fields)
	b = wire.PutLength(c.fields.Bytes(), at)
	return append(b, personal...)
}

// encodePersonal encodes the salt and the personal fields; nil if e has none. It is
// valid until the next call.
func (c *Coder) encodePersonal(e Event, salt func([]byte)) []byte {
	c.fields.Encode(append(c.personal[:0], make([]byte, SaltSize)...))
	e.personal(&c.fields)
	c.personal = c.fields.Bytes()
	if len(c.personal) == SaltSize {
		return nil
	}
	salt(c.personal[:SaltSize])
	return c.personal
}

// Clean limits and repairs the texts of e in place. It cuts them to 256 bytes (a
// program's name and free text to 1,024) with an ellipsis, and replaces invalid UTF-8.
func (c *Coder) Clean(e Event) {
	c.fields.Clean()
	e.core(&c.fields)
	e.personal(&c.fields)
}

// Clean limits and repairs the texts of e in place: see [Coder.Clean].
func Clean(e Event) { new(Coder).Clean(e) }

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

// parts are the parts of a record, as slices of the input.
type parts struct {
	kind               Kind
	recorded, occurred Time
	session            uint64
	commitment         []byte // nil without a personal part
	payload            []byte
	core               []byte // without the sequence
	personal           []byte // salt and fields; empty when erased
}

func split(sequence uint64, b []byte) (p parts, err error) {
	if len(b) < headSize+1+crcSize {
		return p, fmt.Errorf("%w %d: %d bytes are too few", ErrDamaged, sequence, len(b))
	}
	body := b[:len(b)-crcSize]
	if sum := binary.BigEndian.Uint32(b[len(body):]); sum != checksum(sequence, body) {
		return p, fmt.Errorf("%w %d: its checksum is wrong", ErrDamaged, sequence)
	}
	if body[0] > Format {
		return p, fmt.Errorf("%w: record %d has format %d, this program knows up to %d", ErrNewer, sequence, body[0], Format)
	}
	if body[0] != Format {
		return p, fmt.Errorf("%w %d: format %d does not exist", ErrDamaged, sequence, body[0])
	}
	p.kind = Kind(body[1])
	flags := body[2]
	p.recorded = Time(binary.BigEndian.Uint64(body[recordedOffset:]))
	if flags&^(flagSession|flagOccurred|flagPersonal) != 0 {
		return p, fmt.Errorf("%w %d: unknown flags %#x", ErrDamaged, sequence, flags)
	}
	if err := p.cut(flags, body); err != nil {
		return p, fmt.Errorf("%w %d: its head is malformed: %w", ErrDamaged, sequence, err)
	}
	return p, nil
}

// errHead reports a part of the head that is missing, or present although zero.
var errHead = errors.New("a field is missing, or zero")

// cut sets the parts after the fixed part of the head.
func (p *parts) cut(flags byte, body []byte) (err error) {
	rest := body[headSize:]
	if flags&flagSession != 0 {
		if p.session, rest, err = wire.CutUvarint(rest); err != nil {
			return err
		}
		if p.session == 0 {
			return errHead
		}
	}
	if flags&flagOccurred != 0 {
		if len(rest) < 8 {
			return errHead
		}
		p.occurred, rest = Time(binary.BigEndian.Uint64(rest)), rest[8:]
		if p.occurred == 0 {
			return errHead
		}
	}
	if flags&flagPersonal != 0 {
		if len(rest) < sha256.Size {
			return errHead
		}
		p.commitment, rest = rest[:sha256.Size], rest[sha256.Size:]
	}
	size, rest, err := wire.CutUvarint(rest)
	if err != nil {
		return err
	}
	if size > uint64(len(rest)) {
		return fmt.Errorf("a payload of %d bytes where %d are left", size, len(rest))
	}
	p.payload, p.personal = rest[:size], rest[size:]
	p.core = body[:len(body)-len(p.personal)]
	return nil
}

// Decode decodes a record: see [Coder.Decode].
func Decode(sequence uint64, b []byte, strings *wire.Strings) (Record, error) {
	c := Coder{Strings: strings}
	return c.Decode(sequence, b)
}

// Decode decodes a record that Append and [Seal] encoded. It verifies the checksum, and
// the commitment to the personal part. Texts are copies, shared through Strings if that
// is not nil. The error wraps [ErrDamaged] or [ErrNewer].
func (c *Coder) Decode(sequence uint64, b []byte) (Record, error) {
	p, err := split(sequence, b)
	if err != nil {
		return Record{}, err
	}
	r := Record{Sequence: sequence, Recorded: p.recorded, Occurred: p.occurred, Session: p.session}
	if r.Event = New(p.kind); r.Event == nil {
		return Record{}, fmt.Errorf("%w %d: kind %d does not exist", ErrDamaged, sequence, p.kind)
	}
	c.fields.Decode(p.payload, c.Strings)
	r.Event.core(&c.fields)
	if err := c.fields.Finish(); err != nil {
		return Record{}, fmt.Errorf("%w %d: %s: %w", ErrDamaged, sequence, p.kind, err)
	}
	if err := c.decodePersonal(&r, &p); err != nil {
		return Record{}, err
	}
	return r, nil
}

func (c *Coder) decodePersonal(r *Record, p *parts) error {
	switch {
	case p.commitment == nil && len(p.personal) == 0:
		return nil
	case len(p.personal) == 0:
		r.Erased = true
		return nil
	case p.commitment == nil || len(p.personal) <= SaltSize:
		return fmt.Errorf("%w %d: bytes after its end", ErrDamaged, r.Sequence)
	}
	if sum := sha256.Sum256(p.personal); string(sum[:]) != string(p.commitment) {
		return fmt.Errorf("%w %d: its personal part is not the one it commits to", ErrDamaged, r.Sequence)
	}
	c.fields.Decode(p.personal[SaltSize:], c.Strings)
	r.Event.personal(&c.fields)
	if err := c.fields.Finish(); err != nil {
		return fmt.Errorf("%w %d: personal part of %s: %w", ErrDamaged, r.Sequence, p.kind, err)
	}
	return nil
}

// Core appends to dst the bytes of a record that every proof covers, the leaf of the
// Merkle tree: its sequence and the stored record without its personal part and its
// checksum.
func Core(dst []byte, sequence uint64, b []byte) ([]byte, error) {
	p, err := split(sequence, b)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint64(dst, sequence), p.core...), nil
}
