package treehead

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// PublicKey is an Ed25519 public key.
type PublicKey = [ed25519.PublicKeySize]byte

// Key is a key of a log.
type Key struct {
	// From is the size of the smallest tree that it signs.
	From   uint64
	Public PublicKey
}

// Keys are the keys of a log, the oldest first.
type Keys struct {
	Origin string
	All    []Key
}

// SignatureError reports a head that none of a log's keys has signed.
type SignatureError struct {
	// Why says what is wrong with the signature, or the text.
	Why string
	// Malformed is true for what is no signed note: it says nothing, of no log.
	Malformed bool
}

func (e *SignatureError) Error() string { return e.Why }

// Verifier returns a public key as package note encodes it.
func Verifier(origin string, public PublicKey) string {
	text, err := note.NewEd25519VerifierKey(origin, public[:])
	if err != nil {
		panic(err) // the length is right
	}
	return text
}

// NameOf returns the origin in a verifier key, "" where it has none.
func NameOf(verifier string) string {
	name, _, _ := strings.Cut(verifier, "+")
	return name
}

// ParseVerifier returns the public key that a log's verifier key has.
func ParseVerifier(origin, text string) (public PublicKey, err error) {
	v, err := note.NewVerifier(text)
	if err != nil {
		return public, fmt.Errorf("verifier key %q: %w", text, err)
	}
	if v.Name() != origin {
		return public, fmt.Errorf("verifier key %q is not one of %s", text, origin)
	}
	// The base64 can have a plus too.
	_, rest, _ := strings.Cut(text, "+")
	_, rest, _ = strings.Cut(rest, "+")
	b, err := base64.StdEncoding.DecodeString(rest)
	if err != nil || len(b) != 1+len(public) {
		return public, fmt.Errorf("verifier key %q is malformed", text)
	}
	copy(public[:], b[1:])
	return public, nil
}

// Verifiers returns the verifier keys, the newest first.
func (k Keys) Verifiers() []string {
	all := make([]string, 0, len(k.All))
	for i := len(k.All) - 1; i >= 0; i-- {
		all = append(all, Verifier(k.Origin, k.All[i].Public))
	}
	return all
}

// Open returns the head in a note that one of the keys has signed, while it was the log's. The
// error is a [*SignatureError].
func (k Keys) Open(signed []byte) (Head, error) {
	verifiers := make([]note.Verifier, len(k.All))
	for i, key := range k.All {
		v, err := note.NewVerifier(Verifier(k.Origin, key.Public))
		if err != nil {
			return Head{}, fmt.Errorf("verifier key %d: %w", i+1, err)
		}
		verifiers[i] = v
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	if unknown, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return Head{}, &SignatureError{Why: "it is signed by " + signers(unknown.Note) + ", which is not a key of " + k.Origin}
	}
	if err != nil {
		return Head{}, &SignatureError{Why: "it is no signed note: " + err.Error(), Malformed: true}
	}
	origin, h, err := parse(n.Text)
	if err != nil {
		return Head{}, &SignatureError{Why: err.Error()}
	}
	if origin != k.Origin {
		return Head{}, &SignatureError{Why: fmt.Sprintf("it is a head of %s, and not of %s", origin, k.Origin)}
	}
	for _, s := range n.Sigs {
		for i, v := range verifiers {
			if v.KeyHash() == s.Hash && k.All[i].From <= h.Size && (i+1 == len(k.All) || h.Size < k.All[i+1].From) {
				return h, nil
			}
		}
	}
	return Head{}, &SignatureError{Why: fmt.Sprintf("it is signed by a key that was not the log's at %d records", h.Size)}
}

// signers returns the names of the keys that have signed a note.
func signers(n *note.Note) string {
	var names []string
	for _, s := range n.UnverifiedSigs {
		names = append(names, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
	}
	return strings.Join(names, ", ")
}
