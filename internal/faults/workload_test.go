package faults_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatebook"
	"gatebook/events"
)

// childVariable makes this program the one whose system calls are traced and made to fail:
// it gives how many sessions each producer records, how their keys begin, and the folder of the
// book.
const childVariable = "GATEBOOK_FAULTS_TEST_CHILD"

func TestMain(m *testing.M) {
	if of := strings.SplitN(os.Getenv(childVariable), " ", 3); len(of) == 3 {
		n, err := strconv.Atoi(of[0])
		switch {
		case err != nil:
		case of[1] == movePrefix:
			err = move(context.Background(), of[2])
		case of[1] == openPrefix:
			err = openAndClose(context.Background(), of[2])
		default:
			err = work(of[2], of[1], n)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const (
	// rounds is how many times the book is opened and closed, which writes a checkpoint. Before
	// the last one its archive is removed, and so made again from the log.
	rounds = 3
	// producers record at the same time.
	producers = 3
	// segmentBytes is small, so that a few sessions fill a segment.
	segmentBytes = 64 << 10
)

// outsidePrefix makes the workload one without a source in its process: opening the book again
// finds nothing to record.
const outsidePrefix = "outside"

func options() gatebook.Options {
	return gatebook.Options{ScrubPeriod: -1, SegmentBytes: segmentBytes}
}

// work records sessions. It prints "try KEY STEP" before each step of a session, and "did KEY
// STEP" after it was acknowledged. A step that fails for want of space is tried again twice. It
// ends at the first step that fails otherwise.
func work(folder, prefix string, sessions int) error {
	ctx := context.Background()
	for round := range rounds {
		if round == rounds-1 {
			if err := os.Remove(filepath.Join(folder, "book.db")); err != nil {
				return err
			}
		}
		r, err := gatebook.Open(ctx, folder, options())
		if err != nil {
			return err
		}
		var source *gatebook.Source
		if prefix != outsidePrefix {
			source, err = r.StartSource(ctx, gatebook.SourceOptions{Name: "gateway"})
		}
		if err == nil {
			err = record(ctx, r, source, prefix+strconv.Itoa(round), sessions)
		}
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	return nil
}

// record lets all producers record. Each leaves its last session open.
func record(ctx context.Context, r *gatebook.Registry, source *gatebook.Source, prefix string, sessions int) error {
	var wait sync.WaitGroup
	errs := make([]error, producers)
	for p := range producers {
		wait.Go(func() {
			for i := range sessions {
				session := local
				if p == 0 || source == nil {
					session = reported
				}
				key := fmt.Sprintf("%s-%d-%d", prefix, p, i)
				if errs[p] = session(ctx, r, source, key, i == sessions-1); errs[p] != nil {
					return
				}
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// step does one step of a session.
func step(key, name string, do func() error) error {
	if _, err := fmt.Println("try", key, name); err != nil {
		return err
	}
	err := do()
	for again := 2; errors.Is(err, gatebook.ErrDiskFull) && again > 0; again-- {
		err = do()
	}
	if err != nil {
		return fmt.Errorf("%s of %s: %w", name, key, err)
	}
	_, err = fmt.Println("did", key, name)
	return err
}

// local is a session of the source in this process.
func local(ctx context.Context, _ *gatebook.Registry, source *gatebook.Source, key string, leave bool) error {
	var id uint64
	err := step(key, "opened", func() (err error) {
		id, err = source.Open(ctx, events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 51234, Key: key})
		return err
	})
	if err != nil {
		return err
	}
	err = step(key, "ready", func() error {
		return source.Record(ctx, id,
			&events.ConnectionOpened{Connection: 1, Server: "db-1"}, &events.SessionReady{User: "jdoe", Database: "shop", Program: strings.Repeat("p", 200)})
	})
	if err != nil || leave {
		return err
	}
	return step(key, "closed", func() error {
		return source.Record(ctx, id, &events.SessionClosed{Reason: events.ReasonClientClosed})
	})
}

// reported is a session of a source outside.
func reported(ctx context.Context, r *gatebook.Registry, _ *gatebook.Source, key string, leave bool) error {
	report := func(list ...events.Event) func() error {
		p := gatebook.Report{Source: "edge", Incarnation: "1", Lease: time.Hour}
		for _, e := range list {
			p.Events = append(p.Events, gatebook.Reported{Key: key, Event: e})
		}
		return func() error {
			_, err := r.Report(ctx, p)
			return err
		}
	}
	err := step(key, "opened", report(&events.SessionOpened{Service: "bills", Address: "192.0.2.2", Port: 51234}))
	if err == nil {
		err = step(key, "ready", report(&events.ConnectionOpened{Connection: 1, Server: "db-1"}, &events.SessionReady{User: "jdoe"}))
	}
	if err != nil || leave {
		return err
	}
	return step(key, "closed", report(&events.SessionClosed{Reason: events.ReasonClientClosed}))
}
