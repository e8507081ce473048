package follow

import (
	"strconv"
	"strings"
	"testing"

	"gatebook/events"
)

func recordOf(sequence uint64, user string) *events.Record {
	return &events.Record{Sequence: sequence, Session: 7, Event: &events.SessionReady{User: user}}
}

// TestSharedEvents checks that a record near the head of the log is rendered once, a record
// far behind it or a long one each time, and that none is sent in the place of another.
func TestSharedEvents(t *testing.T) {
	t.Parallel()
	var kept sharedEvents
	shown := func(r *events.Record, head uint64) string {
		t.Helper()
		text := string(kept.append([]byte("before"), r, head))
		if !strings.HasPrefix(text, "beforeid: "+strconv.FormatUint(r.Sequence, 10)+"-") || !strings.Contains(text, "\ndata: {") || !strings.HasSuffix(text, "}\n\n") {
			t.Errorf("got %q", text)
		}
		return text
	}
	const head = 3 * sharedCount
	first := shown(recordOf(head, "first"), head)
	// Another event under the same sequence shows whether the kept one is sent.
	if again := shown(recordOf(head, "again"), head+1); again != first {
		t.Errorf("rendered twice: %q, then %q", first, again)
	}
	if old := shown(recordOf(head-sharedCount, "old"), head); !strings.Contains(old, `"old"`) {
		t.Errorf("one of the past: got %q", old)
	}
	if kept := shown(recordOf(head, "again"), head); kept != first {
		t.Errorf("one of the past took the place of a new one: got %q", kept)
	}
	if next := shown(recordOf(head+sharedCount, "next"), head+sharedCount); !strings.Contains(next, `"next"`) {
		t.Errorf("one that takes the place of another: got %q", next)
	}
	long := strings.Repeat("x", longestShared)
	shown(recordOf(head+1, long), head+1)
	if short := shown(recordOf(head+1, "short"), head+1); !strings.Contains(short, `"short"`) {
		t.Errorf("a long one was kept")
	}
}
