package mysql

import (
	"bytes"
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

// first returns the first packet of b, if there is a whole one.
func first(t *testing.T, b []byte) Packet {
	size, err := Frame(b)
	if err != nil || size == 0 || size > len(b) {
		return nil
	}
	if size < HeaderSize || size > MaxPacket {
		t.Fatalf("a packet of %d bytes", size)
	}
	return bytes.Clone(b[:size])
}

func FuzzMySQLGreeting(f *testing.F) {
	seed(f, "server")
	f.Fuzz(func(t *testing.T, b []byte) {
		p := first(t, b)
		if p == nil {
			return
		}
		ReplyOf(p)
		_ = ParseError(p).String()
		g, err := ParseGreeting(p)
		if err != nil {
			return
		}
		if switched := p.Switched(); len(switched) > len(p) {
			t.Fatalf("a plugin %q in %d bytes", switched, len(p))
		}
		p.WantsPassword()
		g.Withhold(p, Hidden)
		hidden, err := ParseGreeting(p)
		if err != nil || hidden.Capabilities != g.Capabilities&^Hidden || hidden.ThreadID != g.ThreadID {
			t.Fatalf("%+v became %+v, %v", g, hidden, err)
		}
	})
}

func FuzzMySQLLogin(f *testing.F) {
	seed(f, "client")
	f.Fuzz(func(t *testing.T, b []byte) {
		p := first(t, b)
		if p == nil {
			return
		}
		before := bytes.Clone(p)
		for _, offered := range []Capabilities{^Capabilities(0), Protocol41, Protocol41 | SecureConnection | ConnectWithDB} {
			login, err := ParseLogin(p, Greeting{Capabilities: offered})
			if err == nil && len(login.User)+len(login.Database)+len(login.Program) > 4*len(p) { // an escaped byte has 4
				t.Fatalf("%+v of %d bytes", login, len(p))
			}
		}
		if !bytes.Equal(p, before) {
			t.Fatal("the packet was changed")
		}
		if login, err := ParseLogin(p, Greeting{Capabilities: ^Capabilities(0)}); err == nil && !login.TLS && !login.Old {
			p.SetTLS(true)
			request, err := ParseLogin(p.AppendTLSRequest(nil, 1), Greeting{})
			if p.SetTLS(false); err != nil || !request.TLS {
				t.Fatalf("%+v, %v", request, err)
			}
			if again, err := ParseLogin(p, Greeting{Capabilities: ^Capabilities(0)}); err != nil || again != login {
				t.Fatalf("%+v became %+v, %v", login, again, err)
			}
		}
	})
}

// FuzzMySQLFollower checks that it does not matter how the bytes are cut.
func FuzzMySQLFollower(f *testing.F) {
	seed(f, "client")
	f.Add([]byte("\x01\x00\x00\x00\x01"))
	f.Add([]byte("a"))
	f.Add([]byte("\x01\x00\x00\x00\x0e\x05\x00\x00\x00\x11sue\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var whole, pieces Follower
		stopped := followInPieces(&pieces, b, 1)
		n := whole.Follow(b, &Answers{})
		if n != stopped {
			t.Fatalf("stopped at %d in one piece, at %d byte by byte", n, stopped)
		}
		if n < len(b) {
			whole.Head()
		}
		if whole.Goodbye() != pieces.Goodbye() || whole.rest != pieces.rest || whole.have != pieces.have || whole.Asked() != pieces.Asked() {
			t.Fatalf("%+v in one piece, %+v byte by byte", whole, pieces)
		}
	})
}

// followInPieces gives the follower pieces of that size, and returns where the
// change of user begins that it stopped at, or the length of all.
func followInPieces(f *Follower, b []byte, size int) int {
	for at := 0; at < len(b); at += size {
		piece := b[at:min(at+size, len(b))]
		if n := f.Follow(piece, &Answers{}); n < len(piece) {
			return at + n - len(f.Head())
		}
	}
	return len(b)
}

func FuzzMySQLChangeUser(f *testing.F) {
	f.Add([]byte(change))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := first(t, b)
		if p == nil {
			return
		}
		for _, common := range []Capabilities{^Capabilities(0), Protocol41, Protocol41 | SecureConnection} {
			login, err := ParseChangeUser(p, common, 45)
			if err == nil && len(login.User)+len(login.Database)+len(login.Program) > 4*len(p) { // an escaped byte has 4
				t.Fatalf("%+v of %d bytes", login, len(p))
			}
		}
	})
}
