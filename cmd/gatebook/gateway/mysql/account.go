package mysql

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Challenge is what a server wants to be answered with a password.
type Challenge struct {
	Plugin   string
	Scramble []byte
}

// The plugins that [Challenge.Answer] knows.
const (
	nativePassword = "mysql_native_password"
	cachingSHA2    = "caching_sha2_password"
)

// scrambleSize is that of both plugins, without the NUL behind it.
const scrambleSize = 20

// ParseChallenge reads the challenge of a greeting.
func ParseChallenge(greeting Packet) (Challenge, error) {
	c := cursor{rest: greeting.Payload()}
	c.take(1)
	c.terminated()
	c.take(4)
	scramble := append([]byte(nil), c.take(8)...)
	c.take(1 + 2 + 1 + 2 + 2 + 1 + 10)
	scramble = append(scramble, c.take(scrambleSize-8)...)
	c.take(1)
	if c.short {
		return Challenge{}, fmt.Errorf("%w: a greeting without a challenge", ErrMalformed)
	}
	return Challenge{Plugin: string(c.tail()), Scramble: scramble}, nil
}

// ParseSwitch reads the challenge of a packet that changes the plugin.
func ParseSwitch(p Packet) (Challenge, error) {
	c := cursor{rest: p.Payload()}
	c.take(1)
	challenge := Challenge{Plugin: string(c.terminated())}
	challenge.Scramble = append([]byte(nil), c.take(scrambleSize)...)
	if c.short {
		return Challenge{}, fmt.Errorf("%w: another plugin, %q, without a challenge", ErrMalformed, challenge.Plugin)
	}
	return challenge, nil
}

// Answer returns what proves that the answering side knows the password.
func (c Challenge) Answer(password string) ([]byte, error) {
	switch {
	case password == "":
		return nil, nil
	case c.Plugin == nativePassword:
		once := sha1.Sum([]byte(password))
		twice := sha1.Sum(once[:])
		mask := sha1.Sum(append(c.Scramble[:len(c.Scramble):len(c.Scramble)], twice[:]...))
		return mixed(once[:], mask[:]), nil
	case c.Plugin == cachingSHA2:
		once := sha256.Sum256([]byte(password))
		twice := sha256.Sum256(once[:])
		mask := sha256.Sum256(append(twice[:], c.Scramble...))
		return mixed(once[:], mask[:]), nil
	}
	return nil, fmt.Errorf("the server wants plugin %s; it can be %s or %s", c.Plugin, nativePassword, cachingSHA2)
}

// mixed returns the exclusive or of two texts of one length.
func mixed(a, b []byte) []byte {
	c := make([]byte, len(a))
	for i := range c {
		c[i] = a[i] ^ b[i]
	}
	return c
}

// AppendLogin appends the login of a user, without a database.
func AppendLogin(b []byte, sequence byte, user, plugin string, answer []byte) []byte {
	payload := binary.LittleEndian.AppendUint32(nil, uint32(Protocol41|SecureConnection|PluginAuth))
	payload = binary.LittleEndian.AppendUint32(payload, MaxPacket)
	payload = append(payload, utf8mb4)
	payload = append(payload, make([]byte, tlsRequestSize-len(payload))...)
	payload = append(append(payload, user...), 0)
	payload = append(append(payload, byte(len(answer))), answer...)
	payload = append(append(payload, plugin...), 0)
	return append(appendHeader(b, len(payload), sequence), payload...)
}

// utf8mb4 is a collation of the character set in which the login's texts are.
const utf8mb4 = 45

// AppendAnswer appends the answer to a challenge that came later.
func AppendAnswer(b []byte, sequence byte, answer []byte) []byte {
	return append(appendHeader(b, len(answer), sequence), answer...)
}

// AppendPassword appends the password itself.
func AppendPassword(b []byte, sequence byte, password string) []byte {
	return AppendAnswer(b, sequence, append([]byte(password), 0))
}

// AppendKill appends the command that ends the connection of a thread.
func AppendKill(b []byte, thread uint32) []byte {
	return AppendAnswer(b, 0, fmt.Appendf([]byte{commandQuery}, "KILL CONNECTION %d", thread))
}

// AppendQuit appends the goodbye.
func AppendQuit(b []byte) []byte { return AppendAnswer(b, 0, []byte{commandQuit}) }

// unknownThread is the error of a connection that has ended.
const unknownThread = 1094

// Ended reports whether a server refuses to end a connection because that has ended.
func (e Error) Ended() bool { return e.Code == unknownThread }
