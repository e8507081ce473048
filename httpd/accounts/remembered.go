package accounts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

const (
	// memory is how long a verified password is remembered.
	memory = 5 * time.Minute
	// guesses is how many wrong passwords are compared with a remembered one. It is forgotten
	// then, so that it cannot be guessed without the waits of failed logins.
	guesses = 100
)

// remembered holds the passwords that were verified, at most one for each account. Its methods
// are safe for concurrent use.
type remembered struct {
	now func() time.Time
	key [32]byte // random, so that the hashes are of no use in another process

	mu       sync.Mutex          // guards verified
	verified map[string]verified // by the key of the account's name
}

// verified is a verified password: a keyed hash of it and of the bcrypt hash that it was
// verified with, so that a change of the account's password invalidates it.
type verified struct {
	sum   [sha256.Size]byte
	until time.Time
	wrong int // passwords that were compared with it
}

func newRemembered(now func() time.Time) *remembered {
	r := &remembered{now: now, verified: make(map[string]verified)}
	rand.Read(r.key[:])
	return r
}

// sum returns the keyed hash of a bcrypt hash and a password.
func (r *remembered) sum(hash, password string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, r.key[:])
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(hash)))
	mac.Write(length[:])
	mac.Write([]byte(hash))
	mac.Write([]byte(password))
	return [sha256.Size]byte(mac.Sum(nil))
}

// knows reports whether the password was verified within memory.
func (r *remembered) knows(name, hash, password string) bool {
	sum, key := r.sum(hash, password), keyOf(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.verified[key]
	if !ok || !r.now().Before(v.until) {
		return false
	}
	if hmac.Equal(v.sum[:], sum[:]) {
		return true
	}
	if v.wrong++; v.wrong < guesses {
		r.verified[key] = v
	} else {
		delete(r.verified, key)
	}
	return false
}

// learn remembers a verified password, and forgets those that are too old.
func (r *remembered) learn(name, hash, password string) {
	sum, now := r.sum(hash, password), r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, v := range r.verified {
		if !now.Before(v.until) {
			delete(r.verified, key)
		}
	}
	r.verified[keyOf(name)] = verified{sum: sum, until: now.Add(memory)}
}
