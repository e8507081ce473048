package gateway

import (
	"context"
	"fmt"
	"sync"
	"time"

	"gatebook/cmd/gatebook/gateway/postgres"
)

// cancelKeys knows which server has issued which key of PostgreSQL to cancel queries
// with. It is safe for concurrent use.
type cancelKeys struct {
	// mu guards issuers.
	mu      sync.Mutex
	issuers map[postgres.Key]*backend
}

func newCancelKeys() *cancelKeys { return &cancelKeys{issuers: make(map[postgres.Key]*backend)} }

// add notes that a server has issued a key.
func (k *cancelKeys) add(key postgres.Key, server *backend) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.issuers[key] = server
}

// remove forgets a key, unless another server has issued the same one since.
func (k *cancelKeys) remove(key postgres.Key, server *backend) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.issuers[key] == server {
		delete(k.issuers, key)
	}
}

// issuer returns the server that has issued a key, or nil.
func (k *cancelKeys) issuer(key postgres.Key) *backend {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.issuers[key]
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
