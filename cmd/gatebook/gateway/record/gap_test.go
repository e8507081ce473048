package record

import (
	"errors"
	"testing"

	"github.com/rs/zerolog"

	"gatebook/events"
)

// TestGapKeepsWhatFails checks that a gap which cannot be recorded is recorded whole later,
// also after a panic of the recorder.
func TestGapKeepsWhatFails(t *testing.T) {
	t.Parallel()
	r := &stub{t: t}
	all := NewSessions(r, true, zerolog.Nop())
	all.Missed(1, 0, errFull)
	r.refuse(events.KindRecordingGap)
	if err := all.RecordGap(t.Context()); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	all.Missed(2, 5, errFull)
	r.refuses = func(events.Event) error { panic("boom") }
	if err := r.Guard(func() error { return all.RecordGap(t.Context()) }); err == nil {
		t.Error("the recorder did not panic")
	}
	if sessions, lost := all.Missing(); sessions != 3 || lost != 5 {
		t.Errorf("missing %d sessions and %d events, want 3 and 5", sessions, lost)
	}
	r.refuses = nil
	for range 2 { // the second time there is none
		if err := all.RecordGap(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if len(r.gaps) != 1 || r.gaps[0].Sessions != 3 || r.gaps[0].Events != 5 || r.gaps[0].Until < r.gaps[0].From || r.gaps[0].From == 0 {
		t.Errorf("recorded %+v", r.gaps)
	}
}
