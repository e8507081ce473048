package gatebook_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"gatebook"
	"gatebook/events"
)

// A program that embeds the registry opens it, records a session, closes it and
// reads it back.
func Example() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "gatebook")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	registry, err := gatebook.Open(ctx, filepath.Join(folder, "data"), gatebook.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer registry.Close()

	source, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "edge-1"})
	if err != nil {
		log.Fatal(err)
	}
	id, err := source.Open(ctx, events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 51234})
	if err != nil {
		log.Fatal(err)
	}
	err = source.Record(ctx, id,
		&events.ConnectionOpened{Connection: 1, Server: "db-1"},
		&events.SessionReady{User: "jdoe", Database: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	if err := source.Record(ctx, id, &events.SessionClosed{Reason: events.ReasonClientClosed}); err != nil {
		log.Fatal(err)
	}

	session, _, err := registry.Session(id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(session.ID, session.Login().User, session.Origin().Service, session.Status, session.Ending().Reason)
	// Output: 1 jdoe orders closed client_closed
}
