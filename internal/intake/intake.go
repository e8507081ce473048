package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatebook/events"
	"gatebook/internal/calls"
	"gatebook/internal/journal"
	"gatebook/internal/lifecycle"
	"gatebook/internal/query"
	"gatebook/projection"
)

// Options are what an intake works with.
type Options struct {
	Journal *journal.Journal
	Reader  *query.Reader
	State   *projection.State
	Now     func() time.Time
	// Declaring is had by the call that declares a service or switches it.
	Declaring calls.Turn
	// Names keeps spellings of one name apart.
	Names *lifecycle.Names
	// Limits bound how many names are kept.
	Limits NameLimits
	// Local reports whether a source of that name runs in this process.
	Local func(name string) bool
	// Heartbeat is how seldom it is recorded that a source with live sessions is alive.
	Heartbeat time.Duration
}

// Intake records reports of sources outside this process. It is safe for concurrent use.
type Intake struct {
	Options
	checker lifecycle.Checker
	remotes *remotes
}

// New returns an intake that knows no source yet: see [Intake.BeginLeases].
func New(o Options) *Intake { return &Intake{Options: o, remotes: newRemotes(o.Now)} }

// Report records a report. When it returns without an error the report is durable, and the
// source's lease begins anew. Errors: [*Error], those of the journal.
func (in *Intake) Report(ctx context.Context, p *Report) (Result, error) {
	if err := p.clean(&in.checker); err != nil {
		return Result{}, in.refuse(err)
	}
	o, err := in.remotes.enter(ctx, p.Source)
	if err != nil {
		return Result{}, err
	}
	defer o.turn.Leave()
	source, err := in.reporter(p)
	if err != nil {
		return Result{}, in.refuse(err)
	}
	p.fill(source)
	known := source != nil && source.Incarnation == p.Incarnation
	if known {
		in.remotes.renew(o, leaseOf(source)) // whatever becomes of the report, its source is alive
	}
	if p.declares() {
		if err := in.Declaring.Take(ctx); err != nil {
			return Result{}, err
		}
		defer in.Declaring.Leave()
	}
	claim, err := in.claim(p)
	if err != nil {
		return Result{}, in.refuse(err)
	}
	defer claim.Release()
	d := reconciler{intake: in, report: p}
	if source != nil && (!known || source.State != projection.SourceRunning) {
		if err := in.prepare(ctx, &d, source); err != nil {
			return Result{}, in.refuse(err)
		}
	}
	if err := in.Journal.Append(ctx, d.decide); err != nil {
		return Result{}, in.refuse(err)
	}
	in.State.Observe(d.samples(), events.TimeOf(in.Now()))
	if source, _ := in.State.Source(p.Source); source != nil {
		in.remotes.renew(o, leaseOf(source))
	}
	return Result{Accepted: len(p.Events), Sessions: d.idsByKey(), Sequence: in.State.Moment().Sequence}, nil
}

// refuse counts an error if it is a refusal, and returns it.
func (in *Intake) refuse(err error) error {
	if _, refused := errors.AsType[*Error](err); refused {
		in.Journal.CountRefused()
	}
	return err
}

// prepare ends the incarnation before the one that reports, or recovers what this one has
// lost. Nothing is done for a report that will be refused.
func (in *Intake) prepare(ctx context.Context, d *reconciler, source *projection.Source) error {
	if _, err := d.decide(); err != nil {
		return err
	}
	if source.Incarnation != d.report.Incarnation {
		return in.loseSource(ctx, source, 0)
	}
	return in.recoverSessions(ctx, source)
}

// reporter returns the source that reports; nil when it is new. It refuses the names that
// are not for sources outside, and incarnations that are over.
func (in *Intake) reporter(p *Report) (*projection.Source, error) {
	source, _ := in.State.Source(p.Source)
	switch {
	case in.Local(p.Source), source != nil && source.Lease == 0:
		return nil, badReport("source %q is one of the registry's own process; a source outside needs another name", p.Source)
	case source == nil && in.State.SourceCount() >= in.Limits.Total:
		return nil, badReport("the source %q would be one of more than %d in the book: names are kept for ever; limits.names in the server's configuration raises this",
			p.Source, in.Limits.Total)
	case source != nil && !projection.SameSpelling(p.Source, source.Name):
		return nil, badReport("%v", lifecycle.CheckSpelling("source", p.Source, source.Name))
	case source != nil && slices.Contains(source.Former, p.Incarnation):
		return nil, badReport("incarnation %q of source %q is over: %q came after it; each run of a source needs an incarnation of its own",
			p.Incarnation, source.Name, source.Incarnation)
	}
	return source, nil
}

// ErrRunning is returned by [Intake.Claim] for the name of a source outside that reports.
var ErrRunning = errors.New("the source is one outside, which reports")

// Claim takes a name for a source of this process: nobody reports as that source until
// release is called, and none of its sessions is left live. A name that was claimed is
// forgotten here.
func (in *Intake) Claim(ctx context.Context, name string) (release func(claimed bool), err error) {
	o, err := in.remotes.enter(ctx, name)
	if err != nil {
		return nil, err
	}
	known, _ := in.State.Source(name)
	if known != nil {
		err = lifecycle.CheckSpelling("source", name, known.Name)
	}
	if err == nil && known != nil && known.Lease != 0 {
		if known.State == projection.SourceRunning {
			err = fmt.Errorf("source %q: %w", name, ErrRunning)
		} else {
			err = in.loseSource(ctx, known, 0) // what was cut off
		}
	}
	if err != nil {
		o.turn.Leave()
		return nil, err
	}
	return func(claimed bool) {
		if claimed {
			in.remotes.forget(name)
		}
		o.turn.Leave()
	}, nil
}
