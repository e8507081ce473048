package treehead

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Signer signs the heads of a log. It is safe for concurrent use.
type Signer struct {
	origin  string
	signer  note.Signer
	private string
	public  PublicKey
}

// NewSigner makes a new key for the log of an origin.
func NewSigner(origin string) (*Signer, error) {
	private, _, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return ParseSigner(origin, []byte(private+"\n"))
}

// ParseSigner returns the key in the content of a key file, which must be of that origin: a
// line with the private key as package note encodes it.
func ParseSigner(origin string, content []byte) (*Signer, error) {
	private, rest, whole := strings.Cut(string(content), "\n")
	signer, err := note.NewSigner(private)
	if err != nil || !whole || rest != "" {
		return nil, errors.New("it has no key that signs notes")
	}
	if signer.Name() != origin {
		return nil, fmt.Errorf("its key is that of %s, and the log is %s", signer.Name(), origin)
	}
	// Package note has checked the encoding: a byte for the algorithm, and the seed.
	b, err := base64.StdEncoding.DecodeString(private[len("PRIVATE+KEY+")+len(origin)+len("+01234567+"):])
	if err != nil || len(b) != 1+ed25519.SeedSize {
		return nil, errors.New("its key is not one of Ed25519")
	}
	s := &Signer{origin: origin, signer: signer, private: private}
	copy(s.public[:], ed25519.NewKeyFromSeed(b[1:]).Public().(ed25519.PublicKey))
	return s, nil
}

// Encode returns the content of the file that keeps the key.
func (s *Signer) Encode() []byte { return []byte(s.private + "\n") }

// Public returns the public key.
func (s *Signer) Public() PublicKey { return s.public }

// Verifier returns the verifier key.
func (s *Signer) Verifier() string { return Verifier(s.origin, s.public) }

// Sign returns a head as a signed note.
func (s *Signer) Sign(h Head) ([]byte, error) {
	signed, err := note.Sign(&note.Note{Text: h.text(s.origin)}, s.signer)
	if err != nil {
		return nil, fmt.Errorf("sign a head: %w", err)
	}
	return signed, nil
}

// endorsement is the first line of the note by which a key vouches for the next one, whose
// verifier key is the second.
const endorsement = "gatebook: this key is followed by\n"

// Endorse returns a signed note in which the key vouches for the one that follows it.
func (s *Signer) Endorse(verifier string) (string, error) {
	signed, err := note.Sign(&note.Note{Text: endorsement + verifier + "\n"}, s.signer)
	if err != nil {
		return "", fmt.Errorf("vouch for a key: %w", err)
	}
	return string(signed), nil
}

// CheckEndorsement returns an error unless one verifier key vouches for the other in a note.
func CheckEndorsement(by, verifier, signed string) error {
	v, err := note.NewVerifier(by)
	if err != nil {
		return fmt.Errorf("verifier key %q: %w", by, err)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(v))
	if err != nil {
		return fmt.Errorf("the note that vouches for %s: %w", verifier, err)
	}
	if n.Text != endorsement+verifier+"\n" {
		return fmt.Errorf("the note vouches for another key than %s", verifier)
	}
	return nil
}
