package heads

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatebook/storage/treehead"
)

const (
	// anchorEvery is how much newer a head is at least than the one before it at an anchor.
	anchorEvery = time.Minute
	// anchorTime is how long keeping a head may take, anchorEndTime how long at a stop.
	anchorTime    = 10 * time.Second
	anchorEndTime = 2 * time.Second
	// anchorLook is how often is looked for a newer head.
	anchorLook = time.Second
)

// Anchor keeps heads where who owns the host cannot change them.
type Anchor struct {
	// Name is what it is called where its failures are shown.
	Name string
	// Keep keeps a signed head. It should return when ctx ends. While a call does not, the anchor is
	// failing, and is not called again.
	Keep func(ctx context.Context, signed []byte) error
	// Kept calls f with each head that it keeps, the oldest first, and returns its error; nil for an anchor that
	// cannot be read. While a log is opened it is compared with these heads.
	Kept func(f func(treehead.Kept) error) error
}

// AnchorStatus is how an anchor goes.
type AnchorStatus struct {
	Name string
	// Size is the number of records of the newest head that it keeps, Time when it was kept; zero
	// before the first since the registry was opened.
	Size uint64
	Time time.Time
	// Err is why the last head could not be kept; nil when it could.
	Err error
}

// Anchors returns how the anchors go.
func (h *Heads) Anchors() []AnchorStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]AnchorStatus, 0, len(h.anchors))
	for _, a := range h.anchors {
		all = append(all, a.status)
	}
	return all
}

// anchored is an anchor, and how it goes.
type anchored struct {
	Anchor
	// overdue delivers the end of a call that did not return in time; nil for none. One goroutine
	// at a time has it: that of RunAnchor, and then that of EndAnchors.
	overdue chan error

	status AnchorStatus // guarded by mu of Heads
}

// RunAnchor has an anchor keep the newest head that covers a record, once a minute at most, until
// ctx ends. A failure is reported if the head before could be kept, and is tried again after a
// minute.
func (h *Heads) RunAnchor(ctx context.Context, anchor Anchor) {
	a := &anchored{Anchor: anchor, status: AnchorStatus{Name: anchor.Name}}
	h.mu.Lock()
	h.anchors = append(h.anchors, a)
	h.mu.Unlock()
	for {
		if newest := h.Status(); h.isNewer(a, newest) {
			h.anchor(ctx, a, newest, anchorTime)
			if !rest(ctx, h.anchorEvery) {
				return
			}
		}
		if !rest(ctx, anchorLook) {
			return
		}
	}
}

// EndAnchors has each anchor keep the newest head, unless it does. An anchor has two seconds for
// it. EndAnchors is called after the calls to RunAnchor have returned.
func (h *Heads) EndAnchors() {
	newest := h.Status()
	h.mu.Lock()
	all := slices.Clone(h.anchors)
	h.mu.Unlock()
	var ending sync.WaitGroup
	for _, a := range all {
		if h.isNewer(a, newest) {
			ending.Go(func() { h.anchor(context.Background(), a, newest, anchorEndTime) })
		}
	}
	ending.Wait()
}

// isNewer reports whether a head covers more than what an anchor keeps. One of no records proves
// nothing.
func (h *Heads) isNewer(a *anchored, newest Status) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return newest.Head.Size > a.status.Size
}

// anchor has an anchor keep a head, and notes whether it could.
func (h *Heads) anchor(ctx context.Context, a *anchored, newest Status, limit time.Duration) {
	err := a.keep(ctx, newest.Signed, limit)
	if err != nil && ctx.Err() != nil {
		return // a stop has ended it
	}
	h.mu.Lock()
	known := a.status.Err != nil
	if a.status.Err = err; err == nil {
		a.status.Size, a.status.Time = newest.Head.Size, h.o.Now()
	}
	h.mu.Unlock()
	if err != nil && !known {
		h.o.Report(fmt.Errorf("the anchor %s does not keep the log's newest head; it is tried again every minute: %w", a.Name, err))
	}
}

// keep has the anchor keep a head within a limit, in a goroutine of its own: the system calls on a
// file of a share that hangs heed no context. A goroutine that does not end in time is left to
// itself, since nothing can end it. It holds one file and one head, and there is one at most,
// because no call begins before the one before it has returned.
func (a *anchored) keep(ctx context.Context, signed []byte, limit time.Duration) error {
	limited, stop := context.WithTimeout(ctx, limit)
	defer stop()
	late := fmt.Errorf("it did not return within %s", limit)
	if a.overdue != nil {
		select {
		case <-a.overdue: // what it kept is an older head
			a.overdue = nil
		case <-limited.Done():
			return late
		}
	}
	done := make(chan error, 1)
	go func() { done <- a.Keep(limited, signed) }()
	select {
	case err := <-done:
		return err
	case <-limited.Done():
		a.overdue = done
		return late
	}
}
