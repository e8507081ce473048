package treehead_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"gatebook/storage/treehead"
)

const origin = "gatebook/000102030405060708090a0b0c0d0e0f"

func newSigner(t *testing.T) *treehead.Signer {
	t.Helper()
	s, err := treehead.NewSigner(origin)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t *testing.T, s *treehead.Signer, size uint64) []byte {
	t.Helper()
	signed, err := s.Sign(treehead.Head{Size: size, Root: tlog.RecordHash([]byte{byte(size)})})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	id := [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	if got := treehead.Origin(id); got != origin {
		t.Errorf("got %q", got)
	}
}

// TestSignedHeads signs heads with a key and with the one after it, and opens them with the
// log's keys and with package note alone.
func TestSignedHeads(t *testing.T) {
	t.Parallel()
	first, second, foreign := newSigner(t), newSigner(t), newSigner(t)
	keys := treehead.Keys{Origin: origin, All: []treehead.Key{{Public: first.Public()}, {From: 100, Public: second.Public()}}}
	for _, c := range []struct {
		name   string
		signer *treehead.Signer
		size   uint64
		why    string
	}{
		{"the empty log", first, 0, ""},
		{"the last of the first key", first, 99, ""},
		{"too large for the first key", first, 100, "was not the log's at 100 records"},
		{"the first of the second key", second, 100, ""},
		{"too small for the second key", second, 99, "was not the log's at 99 records"},
		{"large", second, 1<<63 - 1, ""},
		{"of a foreign key", foreign, 5, "is not a key of " + origin},
	} {
		signed := sign(t, c.signer, c.size)
		h, err := keys.Open(signed)
		var failed *treehead.SignatureError
		if c.why != "" {
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("%s: got %v, want %q", c.name, err, c.why)
			}
		} else if err != nil || h.Size != c.size || h.Root != tlog.RecordHash([]byte{byte(c.size)}) {
			t.Errorf("%s: got %+v, %v", c.name, h, err)
		}
		v, err := note.NewVerifier(c.signer.Verifier())
		if err != nil {
			t.Fatal(err)
		}
		if n, err := note.Open(signed, note.VerifierList(v)); err != nil || !strings.HasPrefix(n.Text, origin+"\n") {
			t.Errorf("%s: package note: %v", c.name, err)
		}
	}
	if got := keys.Verifiers(); len(got) != 2 || got[0] != second.Verifier() || got[1] != first.Verifier() {
		t.Errorf("the verifier keys are %q", got)
	}
}

// TestChangedHeads changes each byte of a signed head.
func TestChangedHeads(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	keys := treehead.Keys{Origin: origin, All: []treehead.Key{{Public: s.Public()}}}
	signed := sign(t, s, 12)
	for i := range signed {
		if i == len(signed)-len("x=\n") {
			continue // two bits of the last digit in base64 mean nothing
		}
		changed := append([]byte(nil), signed...)
		changed[i] ^= 1
		var failed *treehead.SignatureError
		if h, err := keys.Open(changed); !errors.As(err, &failed) {
			t.Errorf("with another byte %d: %+v, %v", i, h, err)
		}
	}
	for _, text := range []string{"", "\n", origin + "\n", "a\n\nb\n"} {
		if h, err := keys.Open([]byte(text)); err == nil {
			t.Errorf("%q became %+v", text, h)
		}
	}
	v := &signerOf{s}
	for _, text := range []string{origin + "\n12\n", origin + "\n012\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", origin + "\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", origin + "\n12\nAAAA\n", "gatebook/other\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"} {
		if h, err := keys.Open(v.sign(t, text)); err == nil {
			t.Errorf("the signed text %q became %+v", text, h)
		}
	}
	if h, err := keys.Open(v.sign(t, origin+"\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nof a later version\n")); err != nil || h.Size != 12 {
		t.Errorf("with a line more: %+v, %v", h, err)
	}
}

// signerOf signs any text with a key, as package note does.
type signerOf struct{ *treehead.Signer }

func (s *signerOf) sign(t *testing.T, text string) []byte {
	t.Helper()
	key, err := note.NewSigner(strings.TrimSpace(string(s.Encode())))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: text}, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestKeyFiles keeps a key in a file, and reads others that are none.
func TestKeyFiles(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	path := filepath.Join(t.TempDir(), "key")
	for range 2 { // the second time it is replaced
		if err := treehead.WriteFile(path, s.Encode()); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file is %v; %v", info, err)
	}
	content, err := treehead.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := treehead.ParseSigner(origin, content)
	if err != nil || again.Verifier() != s.Verifier() || again.Public() != s.Public() {
		t.Errorf("read %+v, %v", again, err)
	}
	public, err := treehead.ParseVerifier(origin, s.Verifier())
	if err != nil || public != s.Public() {
		t.Errorf("the verifier key has %x, %v", public, err)
	}
	for i := range content {
		changed := append([]byte(nil), content...)
		changed[i] ^= 1
		if _, err := treehead.ParseSigner(origin, changed); err == nil && i < len("PRIVATE+KEY+")+len(origin) {
			t.Errorf("with another byte %d it is a key", i)
		}
	}
	for _, other := range []string{"", "\n", s.Verifier() + "\n", string(content) + "x", strings.TrimSpace(string(content))} {
		if _, err := treehead.ParseSigner(origin, []byte(other)); err == nil {
			t.Errorf("%q is a key", other)
		}
	}
	if _, err := treehead.ParseSigner("gatebook/other", content); err == nil || !strings.Contains(err.Error(), origin) {
		t.Errorf("of another log: %v", err)
	}
}

func TestEndorsement(t *testing.T) {
	t.Parallel()
	before, next, other := newSigner(t), newSigner(t), newSigner(t)
	signed, err := before.Endorse(next.Verifier())
	if err != nil {
		t.Fatal(err)
	}
	if err := treehead.CheckEndorsement(before.Verifier(), next.Verifier(), signed); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ by, verifier, signed string }{
		{next.Verifier(), next.Verifier(), signed},
		{before.Verifier(), other.Verifier(), signed},
		{before.Verifier(), next.Verifier(), ""},
		{"no key", next.Verifier(), signed},
	} {
		if err := treehead.CheckEndorsement(c.by, c.verifier, c.signed); err == nil {
			t.Errorf("%q vouches for %q", c.by, c.verifier)
		}
	}
}
