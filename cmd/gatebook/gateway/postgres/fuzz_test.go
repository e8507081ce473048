package postgres

import (
	"os"
	"path/filepath"
	"testing"
)

// seed adds what one side sent in all captured conversations.
func seed(f *testing.F, side string) {
	f.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", "*-"+side))
	if err != nil || len(names) == 0 {
		f.Fatalf("no captures of the %s: %v", side, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

func FuzzPostgresStartup(f *testing.F) {
	seed(f, "client")
	f.Add(packet(codeCancel, "\x00\x00\x00\x07abcd"))
	f.Add(packet(3<<16, "user\x00jdoe\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		size, err := FrameStartup(b)
		if err != nil || size == 0 || size > len(b) {
			return
		}
		if size < startupHeader || size > MaxStartup {
			t.Fatalf("a packet of %d bytes", size)
		}
		s, err := ParseStartup(b[:size])
		// A user is the database too, and each byte that is no UTF-8 becomes an escape of four.
		if err == nil && len(s.User)+len(s.Database)+len(s.Program)+len(s.Key.Secret) > 2*4*size {
			t.Fatalf("%+v of %d bytes", s, size)
		}
	})
}

func FuzzPostgresMessage(f *testing.F) {
	seed(f, "server")
	f.Add(AppendError(nil, Error{"FATAL", "57P03", "not now"}))
	f.Add([]byte("R\x00\x00\x00\x2a\x00\x00\x00\x0aSCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for {
			size, err := Frame(b)
			if err != nil || size == 0 || size > len(b) {
				return
			}
			if size < HeaderSize || size > MaxMessage {
				t.Fatalf("a message of %d bytes", size)
			}
			m := Message(b[:size])
			m.Authenticated()
			_ = ParseError(m).String()
			m.Binds()
			if m.OffersBinding() && Message(m.AppendUnbound(nil)).OffersBinding() {
				t.Fatalf("%q still offers to bind", m)
			}
			if key, err := ParseKey(m); err == nil && string(m.Body()[4:]) != key.Secret {
				t.Fatalf("%+v of %q", key, m)
			}
			b = b[size:]
		}
	})
}

// FuzzPostgresFollower checks that it does not matter how the bytes are cut.
func FuzzPostgresFollower(f *testing.F) {
	seed(f, "client")
	f.Add([]byte("X\x00\x00\x00\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var whole, pieces Follower
		var answers, inPieces Answers
		whole.Follow(b, &answers)
		for i := range b {
			pieces.Follow(b[i:i+1], &inPieces)
		}
		if whole != pieces || answers != inPieces {
			t.Fatalf("%+v with %+v in one piece, %+v with %+v byte by byte", whole, answers, pieces, inPieces)
		}
	})
}
