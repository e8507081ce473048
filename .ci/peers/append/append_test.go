package peers

import (
	"context"
	"path/filepath"
	"testing"

	"gatebook"
	"gatebook/events"
	"gatebook/storage/storagetest"
)

// eventBytes is what one event takes in the stores that are measured beside the
// registry.
const eventBytes = 160

// event is those bytes.
func event() []byte {
	b := make([]byte, eventBytes)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// BenchmarkAppend measures events acknowledged as durable by 1, 16, 128 and 1,024
// producers, each of which waits for its own.
func BenchmarkAppend(b *testing.B) {
	storagetest.BenchmarkAppends(b,
		storagetest.Target{Name: "registry", Open: registry},
		storagetest.Target{Name: "sqlite", Open: sqlite},
		storagetest.Target{Name: "postgres", Open: postgres},
		storagetest.Target{Name: "etcd", Open: etcd},
		storagetest.Target{Name: "jetstream", Open: jetstream},
	)
}

// sessionEvents is how many events a producer's session has, as an ordinary one.
const sessionEvents = 10

// registry records sessions that come and go, in events of about eventBytes. Only the
// last of each, its end, is shorter.
func registry(b *testing.B) storagetest.Append {
	ctx := context.Background()
	r, err := gatebook.Open(ctx, filepath.Join(b.TempDir(), "data"), gatebook.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := r.Close(); err != nil {
			b.Error(err)
		}
	})
	source, err := r.StartSource(ctx, gatebook.SourceOptions{Name: "gateway"})
	if err != nil {
		b.Fatal(err)
	}
	var lives [1024]struct {
		id   uint64
		next int
	}
	return func(producer int, n int64) (err error) {
		l := &lives[producer]
		step := l.next
		l.next = (l.next + 1) % sessionEvents
		switch step {
		case 0:
			l.id, err = source.Open(ctx, *storagetest.Opening(n))
			return err
		case sessionEvents - 1:
			return source.Record(ctx, l.id, &events.SessionClosed{Reason: events.ReasonClientClosed})
		}
		return source.Record(ctx, l.id, &events.SessionReady{
			User: "checkout", Database: "orders", Program: "a client whose name is about as long as it takes to fill up 160 bytes",
		})
	}
}
