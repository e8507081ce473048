package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatebook/cmd/gatebook/gateway/postgres"
)

// issuer is a session with the key of PostgreSQL that its server has issued to cancel its
// queries with.
type issuer struct {
	session *session
	server  *backend
	// address is that of the session's own connection: the server's name may stand for
	// several machines.
	address string
}

// cancelKeys knows which session was issued which key. It is safe for concurrent use.
type cancelKeys struct {
	// mu guards issuers.
	mu      sync.Mutex
	issuers map[postgres.Key]issuer
}

func newCancelKeys() *cancelKeys { return &cancelKeys{issuers: make(map[postgres.Key]issuer)} }

// add notes that a session was issued a key.
func (k *cancelKeys) add(key postgres.Key, by issuer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.issuers[key] = by
}

// remove forgets the key of a session, unless another session was issued the same one since.
func (k *cancelKeys) remove(key postgres.Key, session *session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.issuers[key].session == session {
		delete(k.issuers, key)
	}
}

// issuer returns the session that was issued a key, and false when there is none.
func (k *cancelKeys) issuer(key postgres.Key) (issuer, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	by, ok := k.issuers[key]
	return by, ok
}

// cancelPatience limits an attempt to cancel a query, and maxCancels how many are
// made at a time: each costs the server a process.
const (
	cancelPatience = 3 * time.Second
	maxCancels     = 32
)

// cancelTurns holds an element for each cancel request under way.
type cancelTurns chan struct{}

func newCancelTurns() cancelTurns { return make(cancelTurns, maxCancels) }

// take blocks until there is room for one more cancel request.
func (c cancelTurns) take(ctx context.Context) error {
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %d others: %w", maxCancels, ctx.Err())
	}
}

// give ends what take began.
func (c cancelTurns) give() { <-c }
