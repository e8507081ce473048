package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway"
)

// drain lets sessions go on for a while after the signal to stop.
type drain struct {
	grace time.Duration // 0 for none
	log   zerolog.Logger
	left  atomic.Pointer[func() string] // nil until it has begun
}

// run begins no new sessions, and blocks until those there are have ended, the time is over,
// or another signal to stop comes. ctx has ended with the first signal.
func (d *drain) run(ctx context.Context, g *gateway.Gateway) {
	if d.grace == 0 || g == nil {
		return
	}
	ctx, cancel := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	until := time.Now().Add(d.grace)
	ctx, stop := context.WithDeadline(ctx, until)
	defer stop()
	d.left.Store(new(func() string {
		return fmt.Sprintf("The server is stopping. No new sessions begin; %s may go on until %s.",
			counted(g.Sessions(), "session"), until.UTC().Format(time.RFC3339))
	}))
	d.log.Info().Int("sessions", g.Sessions()).Time("until", until).Msg("stopping: no new sessions begin; another signal ends those there are")
	if left := g.Drain(ctx); left > 0 {
		d.log.Warn().Int("sessions", left).Msg("ending the sessions that are left")
	}
}

// notReady returns why the server is not ready, "" until the drain has begun. It is the hook
// [httpd.Config.NotReady].
func (d *drain) notReady() string {
	if left := d.left.Load(); left != nil {
		return (*left)()
	}
	return ""
}
