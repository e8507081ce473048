package httpd

import (
	"strings"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/follow"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
)

// restoredLog is where a log was restored from backups. What clients have of the records that were
// lost then must not be taken for those that came instead. The zero value is a log that was never
// restored.
type restoredLog struct {
	places []restoredPlace // ascending
	at     events.Time     // of the last one
}

// restoredPlace is a record that says that the log was restored, and the mark of its place.
type restoredPlace struct {
	sequence uint64
	mark     string
}

// restoredLogOf returns where the log of a registry was restored. It is found once: a log is
// restored while nobody has it open.
func restoredLogOf(r Registry, places *follow.Set) (l restoredLog, err error) {
	feed := r.Feed(0, gatebook.EventFilter{Kinds: []events.Kind{events.KindLogRestored}})
	for until := r.Moment().Sequence; feed.Position() < until; {
		page, err := feed.Next(until)
		if err != nil {
			return l, err
		}
		for i := range page {
			place, err := places.Place(page[i].Sequence)
			if err != nil {
				return l, err
			}
			_, mark, _ := strings.Cut(place, params.PlaceMark)
			l.places, l.at = append(l.places, restoredPlace{page[i].Sequence, mark}), page[i].Recorded
		}
	}
	return l, nil
}

// of returns the validators of a state with the history that it is of. A state with a change since
// a restore has the mark of that in its tag. No state is older than the last restore by its date.
func (l *restoredLog) of(v render.Validators) render.Validators {
	if len(l.places) == 0 || v.Opaque != "" {
		return v
	}
	for _, p := range l.places {
		if v.Version >= p.sequence {
			v.History = p.mark
		}
	}
	if v.Modified != 0 {
		v.Modified = max(v.Modified, l.at)
	}
	return v
}
