package postgres

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// capture returns what one side of a real conversation sent: PostgreSQL 15 with psql
// and with pgx, of a user jdoe whose password is secret.
func capture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cut takes the first packet or message off b.
func cut(t testing.TB, b []byte, frame func([]byte) (int, error)) (Message, []byte) {
	t.Helper()
	size, err := frame(b)
	if err != nil || size == 0 || size > len(b) {
		t.Fatalf("a message of %d bytes in %d, %v", size, len(b), err)
	}
	return b[:size], b[size:]
}

// TestCaptured reads real conversations from end to end.
func TestCaptured(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		program string
		// declined is how often the client asks for encryption first.
		declined int
		// answers is how many messages the client sends to log in.
		answers int
		// replies are the types of the server's messages up to the end of the login,
		// but for its parameters.
		replies string
		goodbye bool
	}{
		"psql":        {"psql", 1, 2, "RRRRKZ", true},
		"pgx":         {"till", 0, 2, "RRRRKZ", true},
		"psql-denied": {"psql", 1, 2, "RRE", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, server := capture(t, name+"-client"), capture(t, name+"-server")
			for range test.declined {
				var packet Message
				packet, client = cut(t, client, FrameStartup)
				if s, err := ParseStartup(packet); err != nil || s.Request != RequestTLS {
					t.Fatalf("got %+v, %v", s, err)
				}
			}
			packet, client := cut(t, client, FrameStartup)
			want := Startup{User: "jdoe", Database: "shop", Program: test.program}
			if s, err := ParseStartup(packet); err != nil || s != want {
				t.Fatalf("got %+v, %v; want %+v", s, err, want)
			}
			for range test.answers {
				if packet, client = cut(t, client, Frame); packet.Type() != TypeAnswer {
					t.Errorf("an answer of type %c", packet.Type())
				}
			}
			wantReplies(t, server[test.declined:], test.replies)
			wantGoodbye(t, client, test.goodbye)
		})
	}
}

// wantReplies compares the types of the server's messages.
func wantReplies(t *testing.T, server []byte, want string) {
	t.Helper()
	got := ""
	authenticated := false
	for len(got) < len(want) {
		var m Message
		m, server = cut(t, server, Frame)
		authenticated = authenticated || m.Authenticated()
		switch m.Type() {
		case 'S':
			continue
		case TypeKey:
			if key, err := ParseKey(m); err != nil || key.Process == 0 || len(key.Secret) != 4 {
				t.Errorf("key %+v, %v", key, err)
			}
		case TypeError:
			if e := ParseError(m); e.Severity != "FATAL" || e.Code != "28P01" || !strings.Contains(e.Message, "jdoe") {
				t.Errorf("error %+v", e)
			}
		}
		got += string(rune(m.Type()))
	}
	if got != want || authenticated != strings.Contains(want, "Z") {
		t.Errorf("replies are %s, want %s; authenticated: %v", got, want, authenticated)
	}
}

// wantGoodbye follows a client's bytes in pieces of every size.
func wantGoodbye(t *testing.T, client []byte, want bool) {
	t.Helper()
	for size := 1; size <= len(client)+1; size++ {
		var f Follower
		for rest := client; len(rest) > 0; {
			n := min(size, len(rest))
			f.Follow(rest[:n], &Answers{})
			rest = rest[n:]
		}
		if f.Goodbye() != want {
			t.Errorf("in pieces of %d: goodbye is %v, want %v", size, f.Goodbye(), want)
		}
	}
}

func TestFollower(t *testing.T) {
	t.Parallel()
	const terminate = "X\x00\x00\x00\x04"
	tests := map[string]struct {
		sent string
		want bool
	}{
		"nothing":                       {"", false},
		"terminate":                     {terminate, true},
		"terminate after a query":       {"Q\x00\x00\x00\x06a\x00" + terminate, true},
		"terminate, and then more":      {terminate + "Q", false},
		"terminate cut short":           {terminate[:4], false},
		"terminate with a body":         {"X\x00\x00\x00\x05a", false},
		"a query that ends like it":     {"Q\x00\x00\x00\x09" + terminate, false},
		"a message without body, first": {"S\x00\x00\x00\x04" + terminate, true},
		"nonsense":                      {"X\x00\x00\x00\x00", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantGoodbye(t, []byte(test.sent), test.want)
		})
	}
}

// packet returns an untyped packet.
func packet(version uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(binary.BigEndian.AppendUint32(b, version), body...)
}

func TestStartup(t *testing.T) {
	t.Parallel()
	const v3 = 3 << 16
	tests := map[string]struct {
		packet []byte
		want   Startup
		err    bool
	}{
		"TLS":                    {packet(codeTLS, ""), Startup{Request: RequestTLS}, false},
		"GSSAPI":                 {packet(codeGSS, ""), Startup{Request: RequestGSS}, false},
		"cancel":                 {packet(codeCancel, "\x00\x00\x00\x07abcd"), Startup{Request: RequestCancel, Key: Key{7, "abcd"}}, false},
		"cancel of version 3.2":  {packet(codeCancel, "\x00\x00\x00\x07"+strings.Repeat("k", 32)), Startup{Request: RequestCancel, Key: Key{7, strings.Repeat("k", 32)}}, false},
		"cancel without a key":   {packet(codeCancel, "\x00\x00\x00\x07"), Startup{Request: RequestCancel}, true},
		"cancel with too much":   {packet(codeCancel, strings.Repeat("k", 300)), Startup{Request: RequestCancel}, true},
		"session":                {packet(v3, "user\x00jdoe\x00database\x00shop\x00\x00"), Startup{User: "jdoe", Database: "shop"}, false},
		"without a database":     {packet(v3, "user\x00jdoe\x00\x00"), Startup{User: "jdoe", Database: "jdoe"}, false},
		"an empty database":      {packet(v3, "database\x00\x00user\x00jdoe\x00\x00"), Startup{User: "jdoe", Database: "jdoe"}, false},
		"version 3.2":            {packet(v3+2, "user\x00jdoe\x00_pq_.x\x00y\x00\x00"), Startup{User: "jdoe", Database: "jdoe"}, false},
		"the last value counts":  {packet(v3, "user\x00root\x00user\x00jdoe\x00\x00"), Startup{User: "jdoe", Database: "jdoe"}, false},
		"logical replication":    {packet(v3, "user\x00jdoe\x00database\x00shop\x00replication\x00database\x00\x00"), Startup{User: "jdoe", Database: "shop"}, false},
		"physical replication":   {packet(v3, "user\x00jdoe\x00database\x00replication\x00replication\x00true\x00\x00"), Startup{User: "jdoe"}, false},
		"replication, in short":  {packet(v3, "user\x00jdoe\x00replication\x00Y\x00\x00"), Startup{User: "jdoe"}, false},
		"no replication":         {packet(v3, "user\x00jdoe\x00replication\x00off\x00\x00"), Startup{User: "jdoe", Database: "jdoe"}, false},
		"neither on nor off":     {packet(v3, "user\x00jdoe\x00replication\x00o\x00\x00"), Startup{User: "jdoe", Database: "jdoe"}, false},
		"no user":                {packet(v3, "\x00"), Startup{}, false},
		"a name in capitals":     {packet(v3, "USER\x00jdoe\x00\x00"), Startup{}, false},
		"without its end":        {packet(v3, "user\x00jdoe\x00"), Startup{}, true},
		"without a value":        {packet(v3, "user\x00jdoe\x00database"), Startup{}, true},
		"with something after":   {packet(v3, "user\x00jdoe\x00\x00database\x00shop\x00\x00"), Startup{}, true},
		"empty":                  {packet(v3, ""), Startup{}, true},
		"version 2":              {packet(2<<16, "user\x00jdoe\x00\x00"), Startup{}, true},
		"shorter than a startup": {[]byte("\x00\x00\x00\x04"), Startup{}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseStartup(test.packet)
			if got != test.want || (err != nil) != test.err || (err != nil && !errors.Is(err, ErrMalformed)) {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

func TestFrameLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		frame func([]byte) (int, error)
		head  string
		size  int
		err   bool
	}{
		{FrameStartup, "\x00\x00\x00", 0, false},
		{FrameStartup, "\x00\x00\x00\x08", 8, false},
		{FrameStartup, "\x00\x00\x27\x10", 10_000, false},
		{FrameStartup, "\x00\x00\x27\x11", 0, true},
		{FrameStartup, "\x00\x00\x00\x07", 0, true},
		{FrameStartup, "GET / HTTP/1.1", 0, true},
		{Frame, "R\x00\x00\x00", 0, false},
		{Frame, "R\x00\x00\x00\x04", 5, false},
		{Frame, "R\x00\x00\x00\x03", 0, true},
		{Frame, "R\x00\x02\x00\x00", 0, true},
		{Frame, "R\xff\xff\xff\xff", 0, true},
	} {
		if size, err := test.frame([]byte(test.head)); size != test.size || (err != nil) != test.err {
			t.Errorf("%q: got %d, %v", test.head, size, err)
		}
	}
}

func TestErrorsAndKeys(t *testing.T) {
	t.Parallel()
	e := Error{Severity: "FATAL", Code: "57P03", Message: "not now"}
	m, rest := cut(t, AppendError(nil, e), Frame)
	if got := ParseError(m); got != e || m.Type() != TypeError || len(rest) != 0 || e.String() != "57P03: not now" {
		t.Errorf("got %+v", got)
	}
	if got := ParseError(Message("E\x00\x00\x00\x06Mx")); got.Message != "x" {
		t.Errorf("got %+v", got)
	}
	key := Key{Process: 4711, Secret: "abcd"}
	p, _ := cut(t, AppendCancel(nil, key), FrameStartup)
	if s, err := ParseStartup(p); err != nil || s.Request != RequestCancel || s.Key != key || len(p) != 16 {
		t.Errorf("got %+v, %v", s, err)
	}
}
