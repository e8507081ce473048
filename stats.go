package gatebook

import (
	"time"

	"gatebook/events"
	"gatebook/projection"
)

// Stats are figures about a registry, for monitoring. Records that were replayed when it was
// opened are not counted; those made then are.
type Stats struct {
	// Live counts the live sessions by service and stage.
	Live map[string]projection.LiveCounts
	// Ended counts the sessions that ended since the registry was opened, by reason, lost
	// ones included. Kills counts the kills requested since.
	Ended map[events.Reason]uint64
	Kills uint64
	// Refused counts the events that did not fit since the registry was opened.
	Refused uint64
	// Deferred counts the ends that wait for the log.
	Deferred int
	// ClockBehind is how far the clock stands before the last record; 0 where it does not, or by
	// less than a minute.
	ClockBehind time.Duration
	// Scrub is how far the log has been read through in the background.
	Scrub Scrub
	// Head is the newest signed head of the log, and how writing it goes; zero for a log that is
	// not kept in files. Anchors is how its anchors go.
	Head    HeadStatus
	Anchors []AnchorStatus
	// Disk is what the data folder takes.
	Disk DiskUse
	// Checkpoint is why the last checkpoint could not be written, nil when it could. Until
	// one can, ended sessions stay in memory and opening again takes longer.
	Checkpoint error
}

// Stats returns figures about the registry. It costs the services and the files of the folder,
// however many sessions there are.
func (r *Registry) Stats() Stats {
	s := Stats{
		Live: r.state.LiveCounts(), Refused: r.journal.Refused(),
		Deferred: r.journal.Deferred(), Checkpoint: r.checkpoints.err(),
		Disk: diskUse(r.folder),
	}
	s.ClockBehind = r.ClockBehind()
	if r.scrub != nil {
		s.Scrub = r.scrub.read()
	}
	faults, _ := r.faults.read()
	lost, _ := r.lost.read()
	s.Scrub.Faults = faults + lost
	if r.signed != nil {
		s.Head, s.Anchors = r.signed.Status(), r.signed.Anchors()
	}
	s.Ended, s.Kills = r.counts.read()
	return s
}
