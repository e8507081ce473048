package gateway

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway/panics"
)

// restartPause is how long a goroutine of the gateway rests after a panic. A panic
// that comes back again and again fills the log no faster than that.
const restartPause = time.Second

// panicLog logs and counts the panics that the gateway catches. It is safe for concurrent
// use.
type panicLog struct {
	log   zerolog.Logger
	count atomic.Uint64
}

// caught counts a panic, and returns a log for one entry that has its value and stack.
func (p *panicLog) caught(e *panics.Error) *zerolog.Logger {
	p.count.Add(1)
	log := p.log.With().Str("panic", fmt.Sprint(e.Value)).Str("stack", string(e.Stack)).Logger()
	return &log
}

// guard calls f and returns its error. A panic in f is logged and returned as an error;
// task names in the log what f does.
func (p *panicLog) guard(task string, f func() error) (err error) {
	caught := panics.Catch(func() { err = f() })
	if caught == nil {
		return err
	}
	p.caught(caught).Error().Str("task", task).Msg("panic in the gateway")
	return caught
}

// keep calls work until it returns. After a panic it calls work again, unless ctx has
// ended: a goroutine that serves all sessions must not be gone for good.
func (p *panicLog) keep(ctx context.Context, task string, work func()) {
	for {
		caught := panics.Catch(work)
		if caught == nil {
			return
		}
		p.caught(caught).Error().Str("task", task).Msg("panic in the gateway, which begins the task again")
		if !pause(ctx, restartPause) {
			return
		}
	}
}

// pause waits for d, and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
