package heads

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// anchorEvery is how much newer a head is at least than the one before it at an anchor.
	anchorEvery = time.Minute
	// anchorTime is how long keeping a head may take.
	anchorTime = 10 * time.Second
	// anchorLook is how often is looked for a newer head.
	anchorLook = time.Second
)

// Anchor keeps heads where who owns the host cannot change them.
type Anchor struct {
	// Name is what it is called where its failures are shown.
	Name string
	// Keep keeps a signed head. It returns when ctx ends.
	Keep func(ctx context.Context, signed []byte) error
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
	return slices.Clone(h.anchors)
}

// RunAnchor has an anchor keep the newest head, once a minute at most, until ctx ends. A failure
// is reported if the head before could be kept, and is tried again after a minute.
func (h *Heads) RunAnchor(ctx context.Context, a Anchor) {
	h.mu.Lock()
	i := len(h.anchors)
	h.anchors = append(h.anchors, AnchorStatus{Name: a.Name})
	h.mu.Unlock()
	var kept *uint64 // the size; nil before the first
	for {
		newest := h.Status()
		if newest.Signed != nil && (kept == nil || newest.Head.Size > *kept) {
			if h.anchor(ctx, a, i, newest) {
				kept = &newest.Head.Size
			}
			if ctx.Err() != nil || !rest(ctx, h.anchorEvery) {
				return
			}
		}
		if !rest(ctx, anchorLook) {
			return
		}
	}
}

// anchor has an anchor keep a head, and notes whether it could.
func (h *Heads) anchor(ctx context.Context, a Anchor, i int, newest Status) bool {
	limited, stop := context.WithTimeout(ctx, anchorTime)
	defer stop()
	err := a.Keep(limited, newest.Signed)
	if ctx.Err() != nil {
		return err == nil
	}
	h.mu.Lock()
	known := h.anchors[i].Err != nil
	if h.anchors[i].Err = err; err == nil {
		h.anchors[i].Size, h.anchors[i].Time = newest.Head.Size, h.o.Now()
	}
	h.mu.Unlock()
	if err != nil && !known {
		h.o.Report(fmt.Errorf("the anchor %s does not keep the log's newest head; it is tried again every minute: %w", a.Name, err))
	}
	return err == nil
}
