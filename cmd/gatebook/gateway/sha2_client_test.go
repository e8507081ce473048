package gateway

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
)

// sha2Server stands for MySQL 8, which Debian does not have: it lets jdoe in with the
// password secret, by caching_sha2_password. It has seen jdoe lately when it remembers.
type sha2Server struct {
	key       *rsa.PrivateKey
	remembers bool
}

// sha2Nonce is what mysqlGreeting scrambles passwords with.
const sha2Nonce = "scramblescramble-two"

// talk greets, checks the password, and then answers each command with OK.
func (s sha2Server) talk(p peer) {
	greeting := strings.Replace(string(mysqlGreeting()[mysql.HeaderSize:]), "mysql_native_password", cachingSHA2, 1)
	p.send(mysqlPacket(0, greeting))
	login := p.packet()
	sequence, known := byte(2), bytes.Contains(login, sha2Scramble("secret"))
	if known && s.remembers {
		p.send(mysqlPacket(2, "\x01\x03"))
		sequence = 3
	} else if sequence, known = s.ask(p); !known {
		p.send(mysqlPacket(sequence, mysqlDenied))
		return
	}
	p.send(mysqlPacket(sequence, mysqlOK))
	for {
		if command := p.packet(); command.Payload()[0] == 0x01 {
			return
		}
		p.send(mysqlPacket(1, mysqlOK))
	}
}

// ask asks for the whole password, encrypted with a key that the client asks for,
// and reports whether it is right.
func (s sha2Server) ask(p peer) (sequence byte, right bool) {
	p.send(mysqlPacket(2, "\x01\x04"))
	if want := p.packet(); string(want.Payload()) != "\x02" {
		p.t.Errorf("instead of asking for the key the client says %q", want)
	}
	der, err := x509.MarshalPKIXPublicKey(&s.key.PublicKey)
	if err != nil {
		p.t.Error(err)
	}
	p.send(mysqlPacket(4, "\x01"+string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))))
	secret, err := rsa.DecryptOAEP(sha1.New(), nil, s.key, p.packet().Payload(), nil)
	if err != nil {
		p.t.Errorf("decrypt password: %v", err)
	}
	for i := range secret {
		secret[i] ^= sha2Nonce[i%len(sha2Nonce)]
	}
	return 6, string(secret) == "secret\x00"
}

// sha2Scramble returns what a client answers that wants in without sending its password.
func sha2Scramble(password string) []byte {
	once := sha256.Sum256([]byte(password))
	twice := sha256.Sum256(once[:])
	mask := sha256.Sum256(append(twice[:], sha2Nonce...))
	subtle.XORBytes(mask[:], mask[:], once[:])
	return mask[:]
}

// TestCachingSHA2 checks that real clients log in by caching_sha2_password, whether or
// not the server has to have the whole password.
func TestCachingSHA2(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, remembers := range map[string]bool{"fast": true, "full": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, nil, newStubServer(t, sha2Server{key, remembers}.talk).address())
			login := servertest.Login{Address: r.Addresses("front")[0].String(), User: "jdoe", Password: "secret", Database: "shop"}
			db := openMySQL(t, login, nil)
			if err := db.PingContext(t.Context()); err != nil {
				t.Error(err)
			}
			db.Close()
			wantLetIn(t, r, 1, events.SessionReady{User: "jdoe", Database: "shop", Program: "till"})
			if outcome := servertest.RunMariaDBClient(t, login, "DO 1", "--skip-ssl"); outcome.Code != 0 {
				t.Errorf("got %+v", outcome)
			}
			wantLetIn(t, r, 2, events.SessionReady{User: "jdoe", Database: "shop", Program: "mysql"})
			login.Password = "wrong"
			wantFailure(t, openMySQL(t, login, nil), "Access denied")
			wantReason(t, r, 3, events.ReasonAuthFailed)
		})
	}
}

// wantLetIn waits for a session's end and checks its user.
func wantLetIn(t *testing.T, r *harness, id uint64, want events.SessionReady) {
	t.Helper()
	wantReason(t, r, id, events.ReasonClientClosed)
	ready := find[*events.SessionReady](r.recorder.await(t, id, events.KindSessionClosed))
	if len(ready) != 1 || *ready[0] != want {
		t.Errorf("session %d: ready %+v, want %+v", id, ready, want)
	}
}
