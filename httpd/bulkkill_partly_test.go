package httpd_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/storage"
)

// finiteLog is a log whose disk is full after some more appends.
type finiteLog struct {
	storage.Log
	left atomic.Int64
}

func (l *finiteLog) Append(ctx context.Context, entries []storage.Entry) error {
	if l.left.Add(-1) < 0 {
		return storage.ErrDiskFull
	}
	return l.Log.Append(ctx, entries)
}

// A request to end all sessions of a service that fails in the middle says for how many
// sessions it is recorded all the same.
func TestBulkKillFailsInTheMiddle(t *testing.T) {
	memory, err := storage.OpenMemory(storage.NewMemoryDisk(), nil)
	check(t, err)
	log := &finiteLog{Log: memory}
	log.left.Store(1 << 40)
	registry, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{Log: log})
	check(t, err)
	t.Cleanup(func() {
		log.left.Store(1 << 40)
		check(t, registry.Close())
	})
	source := startSource(t, registry, "gateway")
	const sessions = 1010 // more than are asked in one append
	for range sessions {
		_, err := source.Open(t.Context(), events.SessionOpened{Service: "orders"})
		check(t, err)
	}
	base := "http://" + serve(t, httpd.Config{Registry: registry, KillWait: time.Millisecond})
	log.left.Store(1)
	answer := ask(t, client(t), http.MethodDelete, base+"/services/orders/sessions")
	if want := "Of 1010 sessions 1000 were asked to end before that, and will."; answer.status != http.StatusInsufficientStorage || !strings.Contains(answer.body, want) {
		t.Errorf("got %d, %s", answer.status, answer.body)
	}
}
