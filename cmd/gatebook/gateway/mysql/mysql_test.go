package mysql

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// capture returns what one side of a real conversation sent: MariaDB 10.11 with its own
// clients and with go-sql-driver, of a user jdoe or ed whose password is secret.
func capture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cut takes the first packet off b.
func cut(t testing.TB, b []byte) (Packet, []byte) {
	t.Helper()
	size, err := Frame(b)
	if err != nil || size == 0 || size > len(b) {
		t.Fatalf("a packet of %d bytes in %d, %v", size, len(b), err)
	}
	return b[:size], b[size:]
}

// TestCaptured reads real conversations from end to end.
func TestCaptured(t *testing.T) {
	t.Parallel()
	jdoe := Login{Collation: 8, User: "jdoe", Database: "shop", Program: "mysql", Plugin: "mysql_native_password"}
	dump, till, ed, compressed := jdoe, jdoe, jdoe, jdoe
	dump.Database, dump.Program, dump.Collation = "", "mysqldump", 45
	till.Program, till.Collation = "till", 45
	ed.User = "ed"
	compressed.Compressed = true
	tests := map[string]struct {
		login Login
		// replies is what the server's packets of the login are.
		replies []Reply
		// answers is how many packets the client sends for them.
		answers int
		goodbye bool
	}{
		"mariadb":          {jdoe, []Reply{ReplyOK}, 0, true},
		"mariadb-denied":   {jdoe, []Reply{ReplyError}, 0, false},
		"mariadb-ed25519":  {ed, []Reply{ReplyMore, ReplyOK}, 1, true},
		"mariadb-compress": {compressed, []Reply{ReplyOK}, 0, false},
		"mysqldump":        {dump, []Reply{ReplyOK}, 0, true},
		"gosql":            {till, []Reply{ReplyOK}, 0, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			packet, server := cut(t, capture(t, name+"-server"))
			greeting, err := ParseGreeting(packet)
			if err != nil || greeting.ThreadID == 0 || greeting.Capabilities&Protocol41 == 0 {
				t.Fatalf("greeting %+v, %v", greeting, err)
			}
			packet, client := cut(t, capture(t, name+"-client"))
			login, err := ParseLogin(packet, greeting)
			if err != nil || login != test.login {
				t.Fatalf("login %+v, %v; want %+v", login, err, test.login)
			}
			for i, want := range test.replies {
				packet, server = cut(t, server)
				if got := ReplyOf(packet); got != want {
					t.Errorf("reply %d is %d, want %d", i, got, want)
				}
			}
			if e := ParseError(packet); test.replies[0] == ReplyError && (e.Code != 1045 || e.State != "28000" || !strings.HasPrefix(e.Message, "Access denied")) {
				t.Errorf("error %v", e)
			}
			for range test.answers {
				if packet, client = cut(t, client); packet.Sequence() == 0 {
					t.Error("an answer at sequence 0")
				}
			}
			if !login.Compressed {
				wantGoodbye(t, client, test.goodbye)
			}
		})
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
	quit := "\x01\x00\x00\x00\x01"
	tests := map[string]struct {
		sent string
		want bool
	}{
		"nothing":                     {"", false},
		"quit":                        {quit, true},
		"quit after a query":          {"\x03\x00\x00\x00\x03ab" + quit, true},
		"quit, and then more":         {quit + "\x01", false},
		"quit twice":                  {quit + quit, true},
		"ping":                        {"\x01\x00\x00\x00\x0e", false},
		"quit cut short":              {quit[:4], false},
		"not at sequence 0":           {"\x01\x00\x00\x01\x01", false},
		"a query that begins like it": {"\x02\x00\x00\x00\x01\x01", false},
		"a query that ends like it":   {"\x06\x00\x00\x00\x03" + quit, false},
		"an empty packet":             {"\x00\x00\x00\x03" + quit, true},
		"a packet of 16 MiB":          {"\xff\xff\xff\x00" + strings.Repeat("x", 1<<24-1) + "\x00\x00\x00\x01" + quit, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if len(test.sent) < 1000 {
				wantGoodbye(t, []byte(test.sent), test.want)
			}
			var f Follower
			f.Follow([]byte(test.sent), &Answers{})
			if f.Goodbye() != test.want {
				t.Errorf("goodbye is %v", f.Goodbye())
			}
		})
	}
}

func TestHide(t *testing.T) {
	t.Parallel()
	packet, _ := cut(t, capture(t, "mariadb-server"))
	before := bytes.Clone(packet)
	greeting, err := ParseGreeting(packet)
	if err != nil {
		t.Fatal(err)
	}
	greeting.Withhold(packet, Hidden)
	hidden, err := ParseGreeting(packet)
	if err != nil || hidden.Capabilities != greeting.Capabilities&^Hidden || greeting.Capabilities&Compress == 0 {
		t.Errorf("%b became %b, %v", greeting.Capabilities, hidden.Capabilities, err)
	}
	differ := 0
	for i := range before {
		if before[i] != packet[i] {
			differ++
		}
	}
	if differ != 1 {
		t.Errorf("%d bytes changed, want 1", differ)
	}
}

func TestLoginForms(t *testing.T) {
	t.Parallel()
	fixed := strings.Repeat("\x00", 28)
	head := func(asked Capabilities) string {
		return string([]byte{byte(asked), byte(asked >> 8), byte(asked >> 16), byte(asked >> 24)}) + fixed
	}
	const plain = Protocol41
	tests := map[string]struct {
		payload string
		want    Login
		err     bool
	}{
		"TLS":                      {head(plain | TLS), Login{TLS: true}, false},
		"before 4.1":               {"\x00\x80\x00\x00\x01haproxy\x00\x00", Login{Old: true, User: "haproxy"}, false},
		"before 4.1, a database":   {"\x08\x00\x00\x00\x01jdoe\x00scrambled\x00shop\x00", Login{Old: true, User: "jdoe", Database: "shop"}, false},
		"before 4.1, cut":          {"\x00\x80\x00\x00\x01jdoe", Login{}, true},
		"empty":                    {"", Login{}, true},
		"without a user's end":     {head(plain) + "jdoe", Login{}, true},
		"old password":             {head(plain) + "jdoe\x00scrambled\x00", Login{User: "jdoe"}, false},
		"short password":           {head(plain|SecureConnection) + "jdoe\x00\x05abc", Login{}, true},
		"no password":              {head(plain|SecureConnection|ConnectWithDB) + "jdoe\x00\x00shop\x00", Login{User: "jdoe", Database: "shop"}, false},
		"database without its end": {head(plain|SecureConnection|ConnectWithDB) + "jdoe\x00\x00shop", Login{User: "jdoe", Database: "shop"}, false},
		"long password":            {head(plain|LengthEncodedAuth) + "jdoe\x00\xfc\x2c\x01" + strings.Repeat("x", 300), Login{User: "jdoe"}, false},
		"endless password":         {head(plain|LengthEncodedAuth) + "jdoe\x00\xfe\xff\xff\xff\xff\xff\xff\xff\xff", Login{}, true},
		"null password":            {head(plain|LengthEncodedAuth) + "jdoe\x00\xfb", Login{}, true},
		"attributes": {
			head(plain|SecureConnection|ConnectAttributes) + "jdoe\x00\x00" + "\x1a" + "\x03_os\x05linux" + "\x0cprogram_name\x02sh",
			Login{User: "jdoe", Program: "sh"},
			false,
		},
		"malformed attributes": {head(plain|SecureConnection|ConnectAttributes) + "jdoe\x00\x00\x05\x04ab", Login{User: "jdoe"}, false},
		"attributes cut short": {head(plain|SecureConnection|ConnectAttributes) + "jdoe\x00\x00\x50\x01a", Login{User: "jdoe"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := append(appendHeader(nil, len(test.payload), 1), test.payload...)
			got, err := ParseLogin(p, Greeting{Capabilities: ^Capabilities(0)})
			if got != test.want || (err != nil) != test.err || (err != nil && !errors.Is(err, ErrMalformed)) {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

// TestOnlyTheOfferedCounts checks that a client cannot shift its fields by asking for
// what the server does not know.
func TestOnlyTheOfferedCounts(t *testing.T) {
	t.Parallel()
	asked := Protocol41 | SecureConnection | LengthEncodedAuth | ConnectWithDB | Compress
	payload := string([]byte{byte(asked), byte(asked >> 8), byte(asked >> 16), 0}) + strings.Repeat("\x00", 28) +
		"jdoe\x00\xfcx" + strings.Repeat("x", 251) + "shop\x00"
	p := append(appendHeader(nil, len(payload), 1), payload...)
	got, err := ParseLogin(p, Greeting{Capabilities: Protocol41 | SecureConnection | ConnectWithDB})
	if want := (Login{User: "jdoe", Database: "shop"}); got != want || err != nil {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, e := range []Error{{1045, "28000", "denied"}, {1040, "", "Too many connections"}, {0, "HY000", ""}} {
		b := AppendError([]byte("before"), 7, e)
		p, rest := cut(t, b[len("before"):])
		if got := ParseError(p); got != e || p.Sequence() != 7 || ReplyOf(p) != ReplyError || len(rest) != 0 {
			t.Errorf("got %+v of %+v", got, e)
		}
	}
	if got := ParseError(Packet("\x01\x00\x00\x00\xff")); got != (Error{}) {
		t.Errorf("got %+v", got)
	}
	if got := (Error{1040, "", "Too many"}).String(); got != "1040: Too many" {
		t.Errorf("got %s", got)
	}
}

func TestFrameLimits(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		head string
		size int
		err  bool
	}{
		{"", 0, false},
		{"\x01\x00\x00", 0, false},
		{"\x00\x00\x00\x00", 4, false},
		{"\x05\x00\x00\x01abc", 9, false},
		{"\xff\xff\xff\x00", 0, true},
		{"GET / HTTP/1.1", 0, true},
	} {
		if size, err := Frame([]byte(test.head)); size != test.size || (err != nil) != test.err {
			t.Errorf("%q: got %d, %v", test.head, size, err)
		}
	}
}
