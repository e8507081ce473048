package faults_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatebook"
	"gatebook/events"
	"gatebook/storage"
)

// steps are those of a session, in order.
var steps = []string{"opened", "ready", "closed"}

// progress is what a workload did: by key, how many steps of a session it tried, and how many
// were acknowledged.
type progress struct{ tried, done map[string]int }

func newProgress() *progress {
	return &progress{tried: make(map[string]int), done: make(map[string]int)}
}

// read reads what the workload printed. The last line may be cut.
func (p *progress) read(output string) {
	for _, line := range strings.SplitAfter(output, "\n") {
		words := strings.Fields(line)
		if !strings.HasSuffix(line, "\n") || len(words) != 3 {
			continue
		}
		reached := 1 + slices.Index(steps, words[2])
		switch words[0] {
		case "try":
			p.tried[words[1]] = reached
		case "did":
			p.done[words[1]] = reached
		}
	}
}

// check opens the book in a folder and returns an error unless every acknowledged event is in
// it, in order, none is invented, the log is whole, and what is answered is what a replay of
// the log answers.
func (p *progress) check(ctx context.Context, folder string) error {
	answers, err := p.open(ctx, folder)
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(folder, "book.db")); err != nil {
		return err
	}
	again, err := p.open(ctx, folder)
	if err == nil && again != answers {
		err = fmt.Errorf("the book answers\n%sand after a replay of the log\n%s", answers, again)
	}
	return err
}

// open opens the book, checks its events, and returns what it says about each session.
func (p *progress) open(ctx context.Context, folder string) (answers string, err error) {
	r, err := gatebook.Open(ctx, folder, options())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if err := p.compare(r); err != nil {
		return "", err
	}
	verified, err := r.Verify(ctx, func(int64, int64) error { return nil })
	if err == nil {
		err = faultsOf(verified)
	}
	if err != nil {
		return "", err
	}
	return answersOf(r)
}

// compare compares the book's events with what was tried and acknowledged.
func (p *progress) compare(r *gatebook.Registry) error {
	reached, keys := make(map[string]int), make(map[uint64]string)
	last := uint64(0)
	for record, err := range r.Events(0, gatebook.EventFilter{}) {
		if err != nil {
			return err
		}
		if record.Sequence != last+1 {
			return fmt.Errorf("record %d follows record %d", record.Sequence, last)
		}
		last = record.Sequence
		if e, ok := record.Event.(*events.SessionOpened); ok {
			if keys[record.Session] != "" || reached[e.Key] > 0 {
				return fmt.Errorf("record %d: session %d or its key %q was there before", record.Sequence, record.Session, e.Key)
			}
			keys[record.Session] = e.Key
		}
		step := slices.Index([]events.Kind{events.KindSessionOpened, events.KindSessionReady, events.KindSessionClosed}, record.Event.Kind())
		if e, ok := record.Event.(*events.SessionClosed); ok && e.Reason != events.ReasonClientClosed {
			continue // by the registry, as the session's source had stopped
		}
		if step < 0 {
			continue
		}
		key := keys[record.Session]
		if step != reached[key] {
			return fmt.Errorf("record %d: session %q is %s after %d steps", record.Sequence, key, steps[step], reached[key])
		}
		if reached[key]++; reached[key] > p.tried[key] {
			return fmt.Errorf("record %d: session %q was never %s", record.Sequence, key, steps[step])
		}
	}
	for key, done := range p.done {
		if reached[key] < done {
			return fmt.Errorf("session %q was acknowledged to be %s, and is after %d steps of the log's %d records", key, steps[done-1], reached[key], last)
		}
	}
	return nil
}

// faultsOf returns the faults that verifying found, as an error.
func faultsOf(v *storage.Verified) error {
	var errs []error
	for _, fault := range v.Faults {
		errs = append(errs, fmt.Errorf("verify: %v", fault))
	}
	return errors.Join(errs...)
}

// answersOf returns what the book says about all sessions, in short.
func answersOf(r *gatebook.Registry) (string, error) {
	list, err := r.Sessions(gatebook.Query{Live: true, Closed: true, Lost: true, Count: true})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintln(&b, list.Total)
	for v, err := range list.All() {
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&b, v.ID, v.Status, v.Origin().Service, v.Login().User, v.Ending().Reason, v.Version)
	}
	return b.String(), nil
}
