package interchange

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"gatebook/events"
	"gatebook/httpd/reports"
	"gatebook/storage/tree"
)

// The formats of the lines. The last line of the first one does not bind the first line, and the first
// line of the second one has neither key nor head.
const (
	format        = 3
	keylessFormat = 2
	unboundFormat = 1
)

// firstLine is the first line.
type firstLine struct {
	// Gatebook is the format of the lines.
	Gatebook int `json:"gatebook_export"`
	// Log is the identity of the log in hexadecimal.
	Log string `json:"log"`
	// Key is the first verifier key of the log, "" where it has none.
	Key string `json:"key,omitempty"`
	// Head is the newest signed head of the log, "" where it has none.
	Head string `json:"head,omitempty"`
}

// lastLine is the last line.
type lastLine struct {
	Records *uint64 `json:"records"`
	Root    string  `json:"root"`
	// Sum is the SHA-256 of the log's identity, the number of records, the root, and the key and the head
	// of the first line, which binds that line and this one.
	Sum string `json:"sum,omitempty"`
}

// exportSum returns the sum of an export that begins with the line.
func (f *firstLine) exportSum(id [16]byte, records uint64, root tree.Hash) string {
	b := binary.BigEndian.AppendUint64(id[:], records)
	b = append(b, root[:]...)
	if f.Gatebook > keylessFormat {
		b = append(b, f.Key+"\n"+f.Head...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// storedMember begins the member with a record's bytes. It is the last member of a line.
const storedMember = `,"stored":`

// stored is the member with a record's bytes.
type stored struct {
	Core    string  `json:"core"`
	Subject *string `json:"subject,omitempty"`
	Actor   *string `json:"actor,omitempty"`
}

// appendLine appends the line of a record, without its end, and returns the record.
func appendLine(b []byte, coder *events.Coder, sequence uint64, record []byte) ([]byte, events.Record, error) {
	r, err := coder.Decode(sequence, record)
	if err != nil {
		return b, r, err
	}
	parts, err := events.Split(sequence, record)
	if err != nil {
		return b, r, err
	}
	s := stored{Core: base64.StdEncoding.EncodeToString(parts.Core), Subject: encodePart(parts.Subject), Actor: encodePart(parts.Actor)}
	member, err := json.Marshal(&s)
	if err != nil {
		return b, r, err
	}
	b = reports.AppendRecord(b, &r, noKey)
	b = append(b[:len(b)-1], storedMember...)
	return append(append(b, member...), '}'), r, nil
}

// noKey is the key of every session: a record has it where its session was opened.
func noKey(uint64) string { return "" }

// encodePart encodes a personal part, nil where there is none.
func encodePart(part []byte) *string {
	if part == nil {
		return nil
	}
	text := base64.StdEncoding.EncodeToString(part)
	return &text
}

// decode returns the stored bytes of a record.
func (s *stored) decode(sequence uint64) ([]byte, error) {
	parts := events.Stored{}
	for _, part := range []struct {
		name string
		text *string
		to   *[]byte
	}{{"core", &s.Core, &parts.Core}, {"subject", s.Subject, &parts.Subject}, {"actor", s.Actor, &parts.Actor}} {
		if part.text == nil {
			continue
		}
		b, err := base64.StdEncoding.Strict().DecodeString(*part.text)
		if err != nil {
			return nil, fmt.Errorf("its %s is no base64: %w", part.name, err)
		}
		*part.to = append([]byte{}, b...)
	}
	return events.Join(nil, sequence, parts)
}

// identity decodes the identity of a log.
func identity(text string) (id [16]byte, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%q is no identity of a log, which has %d hexadecimal digits", text, 2*len(id))
	}
	copy(id[:], b)
	return id, nil
}
