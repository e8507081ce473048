package events

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"gatebook/events/wire"
)

// parts are the parts of a record, as slices of the input.
type parts struct {
	format             byte
	kind               Kind
	recorded, occurred Time
	session            uint64
	payload            []byte
	core               []byte // without the sequence
	subject, actor     personalPart
}

// personalPart is a personal part of a stored record.
type personalPart struct {
	commitment []byte // nil where the record has no such part
	bytes      []byte // salt and fields; empty when erased
}

// erased reports whether the part was deleted.
func (p *personalPart) erased() bool { return p.commitment != nil && len(p.bytes) == 0 }

func split(sequence uint64, b []byte) (p parts, err error) {
	if len(b) < headSize+1+crcSize {
		return p, fmt.Errorf("%w %d: %d bytes are too few", ErrDamaged, sequence, len(b))
	}
	body := b[:len(b)-crcSize]
	if sum := binary.BigEndian.Uint32(b[len(body):]); sum != checksum(sequence, body) {
		return p, fmt.Errorf("%w %d: its checksum is wrong", ErrDamaged, sequence)
	}
	p.format, p.kind = body[0], Kind(body[1])
	if p.format > Format {
		return p, fmt.Errorf("%w: record %d has format %d, this program knows up to %d", ErrNewer, sequence, p.format, Format)
	}
	if p.format == 0 {
		return p, fmt.Errorf("%w %d: format 0 does not exist", ErrDamaged, sequence)
	}
	flags, known := body[2], byte(flagSession|flagOccurred|flagSubject|flagActor)
	if p.format == 1 {
		known &^= flagActor
	}
	p.recorded = Time(binary.BigEndian.Uint64(body[recordedOffset:]))
	if flags&^known != 0 {
		return p, fmt.Errorf("%w %d: unknown flags %#x", ErrDamaged, sequence, flags)
	}
	rest, err := p.cutHead(flags, body)
	if err != nil {
		return p, fmt.Errorf("%w %d: its head is malformed: %w", ErrDamaged, sequence, err)
	}
	p.core = body[:len(body)-len(rest)]
	if err := p.cutPersonal(rest); err != nil {
		return p, fmt.Errorf("%w %d: %w", ErrDamaged, sequence, err)
	}
	return p, nil
}

// errHead reports a part of the head that is missing, or present although zero.
var errHead = errors.New("a field is missing, or zero")

// cutHead sets the parts of the core after the fixed part of the head, and returns the rest.
func (p *parts) cutHead(flags byte, body []byte) (rest []byte, err error) {
	rest = body[headSize:]
	if flags&flagSession != 0 {
		if p.session, rest, err = wire.CutUvarint(rest); err != nil {
			return nil, err
		}
		if p.session == 0 {
			return nil, errHead
		}
	}
	if flags&flagOccurred != 0 {
		if len(rest) < 8 {
			return nil, errHead
		}
		p.occurred, rest = Time(binary.BigEndian.Uint64(rest)), rest[8:]
		if p.occurred == 0 {
			return nil, errHead
		}
	}
	if rest, err = p.subject.cutCommitment(flags&flagSubject != 0, rest); err != nil {
		return nil, err
	}
	if rest, err = p.actor.cutCommitment(flags&flagActor != 0, rest); err != nil {
		return nil, err
	}
	size, rest, err := wire.CutUvarint(rest)
	if err != nil {
		return nil, err
	}
	if size > uint64(len(rest)) {
		return nil, fmt.Errorf("a payload of %d bytes where %d are left", size, len(rest))
	}
	p.payload = rest[:size]
	return rest[size:], nil
}

func (p *personalPart) cutCommitment(present bool, b []byte) (rest []byte, err error) {
	if !present {
		return b, nil
	}
	if len(b) < sha256.Size {
		return nil, errHead
	}
	p.commitment = b[:sha256.Size]
	return b[sha256.Size:], nil
}

// errRest reports bytes after the end of a record.
var errRest = errors.New("bytes after its end")

// cutPersonal sets the personal parts, which follow the core.
func (p *parts) cutPersonal(rest []byte) (err error) {
	if p.format == 1 {
		if p.subject.commitment != nil {
			p.subject.bytes, rest = rest, nil
		}
	} else {
		if rest, err = p.subject.cut(rest); err != nil {
			return err
		}
		if rest, err = p.actor.cut(rest); err != nil {
			return err
		}
	}
	for _, part := range []*personalPart{&p.subject, &p.actor} {
		if n := len(part.bytes); n > 0 && n <= SaltSize {
			return fmt.Errorf("a personal part of %d bytes has no fields", n)
		}
	}
	if len(rest) > 0 {
		return errRest
	}
	return nil
}

// cut sets the part's bytes, if the record has the part.
func (p *personalPart) cut(b []byte) (rest []byte, err error) {
	if p.commitment == nil {
		return b, nil
	}
	size, b, err := wire.CutUvarint(b)
	if err != nil {
		return nil, fmt.Errorf("the length of a personal part is malformed: %w", err)
	}
	if size > uint64(len(b)) {
		return nil, fmt.Errorf("a personal part of %d bytes where %d are left", size, len(b))
	}
	p.bytes = b[:size]
	return b[size:], nil
}

// Decode decodes a record: see [Coder.Decode].
func Decode(sequence uint64, b []byte, strings *wire.Strings) (Record, error) {
	c := Coder{Strings: strings}
	return c.Decode(sequence, b)
}

// Decode decodes a record that Append and [Seal] encoded, in this format or an earlier one. It
// verifies the checksum, and the commitments to the personal parts. Texts are copies, shared
// through Strings if that is not nil. The error wraps [ErrDamaged] or [ErrNewer].
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
	if err := c.decodePersonal(r.Event, &p); err != nil {
		return Record{}, fmt.Errorf("%w %d: %s: %w", ErrDamaged, sequence, p.kind, err)
	}
	r.SubjectErased, r.ActorErased = p.subject.erased(), p.actor.erased()
	if p.format == 1 {
		r.ActorErased = r.SubjectErased
	}
	return r, nil
}

// decodePersonal checks the personal parts against their commitments, and decodes them.
func (c *Coder) decodePersonal(e Event, p *parts) error {
	if p.subject.commitment == nil && p.actor.commitment == nil {
		return nil
	}
	if hasNobody(e) {
		return errors.New("it has a personal part, and events of its kind have none")
	}
	subject, err := p.subject.fields()
	if err != nil {
		return err
	}
	actor, err := p.actor.fields()
	if err != nil {
		return err
	}
	c.subject.Decode(subject, c.Strings)
	c.personal = personalCoders{subject: &c.subject, actor: &c.subject}
	if p.format > 1 {
		c.actor.Decode(actor, c.Strings)
		c.personal.actor = &c.actor
	}
	e.personal(&c.personal)
	if err := c.subject.Finish(); err != nil {
		return fmt.Errorf("the personal part of its subject: %w", err)
	}
	if p.format == 1 {
		return nil
	}
	if err := c.actor.Finish(); err != nil {
		return fmt.Errorf("the personal part of its actor: %w", err)
	}
	return nil
}

// fields returns the encoded fields of a part, nil if there are none.
func (p *personalPart) fields() ([]byte, error) {
	if len(p.bytes) == 0 {
		return nil, nil
	}
	if sum := sha256.Sum256(p.bytes); string(sum[:]) != string(p.commitment) {
		return nil, errors.New("a personal part is not the one it commits to")
	}
	return p.bytes[SaltSize:], nil
}
