package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/events"
)

// restartPause is how long a goroutine of the gateway rests after a panic. A panic
// that comes back again and again fills the log no faster than that.
const restartPause = time.Second

// Panics returns how many panics the gateway has caught since it started.
func (g *Gateway) Panics() uint64 { return g.panics.Load() }

// panicked counts a panic, and returns a log for one entry that has its value and stack.
func (g *Gateway) panicked(caught *panics.Error) *zerolog.Logger {
	g.panics.Add(1)
	log := g.log.With().Str("panic", fmt.Sprint(caught.Value)).Str("stack", string(caught.Stack)).Logger()
	return &log
}

// guard calls f and returns its error. A panic in f is logged and returned as an error;
// task says in the log what f does.
func (g *Gateway) guard(task string, f func() error) (err error) {
	caught := panics.Catch(func() { err = f() })
	if caught == nil {
		return err
	}
	g.panicked(caught).Error().Str("task", task).Msg("panic in the gateway")
	return caught
}

// keep calls work until it returns. After a panic it calls work again, unless ctx has
// ended: a goroutine that serves all sessions must not be gone for good.
func (g *Gateway) keep(ctx context.Context, task string, work func()) {
	for {
		caught := panics.Catch(work)
		if caught == nil {
			return
		}
		g.panicked(caught).Error().Str("task", task).Msg("panic in the gateway, which begins the task again")
		if !pause(ctx, restartPause) {
			return
		}
	}
}

// guard calls f and returns its error. A panic in f ends this session, with reason error,
// and is returned as an error. Any goroutine that works for the session may call it.
func (s *session) guard(f func() error) (err error) {
	caught := panics.Catch(func() { err = f() })
	if caught == nil {
		return err
	}
	s.crashed(caught)
	return caught
}

// crashed ends the session because of a panic in its work. Any goroutine may call it.
func (s *session) crashed(caught *panics.Error) {
	g := s.gateway
	g.panicked(caught).Error().Str("service", s.service.Name).Uint64("session", g.roster.idOf(s)).
		Msg("panic in a session, which ends")
	// What panicked may have left the session in any state.
	if again := panics.Catch(func() { s.stop(events.ReasonError) }); again != nil {
		g.panicked(again).Error().Str("service", s.service.Name).Msg("panic in the end of a session")
	}
}

// crashDescription is the description on the record of a session that a panic ended,
// and the text that its client reads.
const crashDescription = "an error inside the gateway, whose log says more"
