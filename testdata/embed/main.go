// Command embed is another program that has the registry inside it: it tells of
// the session that its last run left open, opens one, and dies.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"gatebook"
	"gatebook/events"
)

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
	os.Exit(3) // as a crash would: nothing is closed
}

func run(ctx context.Context, folder string) error {
	registry, err := gatebook.Open(ctx, folder, gatebook.Options{})
	if err != nil {
		return err
	}
	if before, _, err := registry.Session(1); err == nil {
		fmt.Println("found", before.ID, before.Login().User, before.Status)
	}
	source, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "bastion"})
	if err != nil {
		return err
	}
	id, err := source.Open(ctx, events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 51234})
	if err != nil {
		return err
	}
	if err := source.Record(ctx, id, &events.SessionReady{User: "jdoe"}); err != nil {
		return err
	}
	session, _, err := registry.Session(id)
	if err != nil {
		return err
	}
	fmt.Println("opened", session.ID, session.Login().User, session.Status)
	return nil
}
