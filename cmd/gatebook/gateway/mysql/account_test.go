package mysql

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"testing"
)

// TestChallengeAnswer checks answers as a server does, which knows the password's hash alone.
func TestChallengeAnswer(t *testing.T) {
	t.Parallel()
	scramble := []byte("abcdefghijklmnopqrst")
	native, err := Challenge{Plugin: nativePassword, Scramble: scramble}.Answer("secret")
	if err != nil {
		t.Fatal(err)
	}
	once := sha1.Sum([]byte("secret"))
	known := sha1.Sum(once[:])
	mask := sha1.Sum(append(bytes.Clone(scramble), known[:]...))
	if got := sha1.Sum(mixed(native, mask[:])); got != known {
		t.Error("a server would refuse the answer of mysql_native_password")
	}
	caching, err := Challenge{Plugin: cachingSHA2, Scramble: scramble}.Answer("secret")
	if err != nil {
		t.Fatal(err)
	}
	once256 := sha256.Sum256([]byte("secret"))
	known256 := sha256.Sum256(once256[:])
	mask256 := sha256.Sum256(append(bytes.Clone(known256[:]), scramble...))
	if got := sha256.Sum256(mixed(caching, mask256[:])); got != known256 {
		t.Error("a server would refuse the answer of caching_sha2_password")
	}
	if got, err := (Challenge{Plugin: "client_ed25519", Scramble: scramble}).Answer("secret"); err == nil {
		t.Errorf("another plugin is answered with %x", got)
	}
	if got, err := (Challenge{Plugin: "any"}).Answer(""); err != nil || got != nil {
		t.Errorf("no password: %x, %v", got, err)
	}
}

// TestParseChallenge checks the challenge of a real server's greeting, and of packets cut
// short.
func TestParseChallenge(t *testing.T) {
	t.Parallel()
	greeting, _ := cut(t, capture(t, "mariadb-server"))
	c, err := ParseChallenge(greeting)
	if err != nil || c.Plugin != nativePassword || len(c.Scramble) != scrambleSize || bytes.IndexByte(c.Scramble, 0) >= 0 {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := ParseChallenge(greeting[:40]); err == nil {
		t.Error("a greeting cut short has a challenge")
	}
	change := Packet("\x00\x00\x00\x02\xfeplugin\x00abcdefghijklmnopqrst\x00")
	if c, err := ParseSwitch(change); err != nil || c.Plugin != "plugin" || string(c.Scramble) != "abcdefghijklmnopqrst" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := ParseSwitch(change[:20]); err == nil {
		t.Error("a switch cut short has a challenge")
	}
}
