package peers

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	nats_js "github.com/nats-io/nats.go/jetstream"

	"gatebook/storage/storagetest"
)

// jetstream is a NATS JetStream stream on disk whose server syncs every message
// before it acknowledges it.
func jetstream(b *testing.B) storagetest.Append {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: b.TempDir(),
		SyncAlways: true, NoLog: true, NoSigs: true,
	})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	b.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		b.Fatal("the NATS server takes no connections")
	}
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	js, err := nats_js.New(conn)
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	_, err = js.CreateStream(ctx, nats_js.StreamConfig{Name: "EVENTS", Subjects: []string{"events"}, Storage: nats_js.FileStorage})
	if err != nil {
		b.Fatal(err)
	}
	value := event()
	return func(int, int64) error {
		// The server is the bottleneck: at a thousand producers an answer takes longer
		// than the client's usual patience.
		waiting, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		_, err := js.Publish(waiting, "events", value)
		return err
	}
}
