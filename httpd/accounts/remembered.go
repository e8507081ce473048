package accounts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// memory is how long a verified password is remembered.
const memory = 5 * time.Minute

// remembered are passwords that were verified: at most one for each account.
type remembered struct {
	now func() time.Time
	key [32]byte // random; what is remembered is of no use elsewhere

	// mu guards verified, which is by the account's name.
	mu       sync.Mutex
	verified map[string]verified
}

// verified is a password that was, as a keyed hash of it and of the hash that it
// was verified with: with another password of the account it is worth nothing.
type verified struct {
	sum   [sha256.Size]byte
	until time.Time
}

func newRemembered(now func() time.Time) *remembered {
	r := &remembered{now: now, verified: make(map[string]verified)}
	rand.Read(r.key[:])
	return r
}

func (r *remembered) sum(hash, password string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, r.key[:])
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(hash)))
	mac.Write(length[:])
	mac.Write([]byte(hash))
	mac.Write([]byte(password))
	return [sha256.Size]byte(mac.Sum(nil))
}

// knows tells whether the password was verified, not long ago.
func (r *remembered) knows(name, hash, password string) bool {
	sum := r.sum(hash, password)
	r.mu.Lock()
	v, ok := r.verified[keyOf(name)]
	r.mu.Unlock()
	return ok && hmac.Equal(v.sum[:], sum[:]) && r.now().Before(v.until)
}

// learn remembers a password that was just verified. What is too old is forgotten.
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
