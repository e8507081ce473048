package httpd

import (
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gatebook/projection"
)

const (
	// toldInterval is how often it is logged that an account reports as a source, and mostTold
	// how many of them are remembered for that.
	toldInterval = time.Hour
	mostTold     = 1024
)

// impersonations logs which accounts report as a source of another name: the records name the
// source alone. Its methods are safe for concurrent use.
type impersonations struct {
	log zerolog.Logger
	now func() time.Time

	mu   sync.Mutex // guards told
	told map[[2]string]time.Time
}

// note logs a report of an account, if it is as a source of another name, at most once an
// hour for each incarnation.
func (i *impersonations) note(account, remote, source, incarnation string) {
	if projection.NameKey(account) == projection.NameKey(source) || !i.due(account, source+"\x00"+incarnation) {
		return
	}
	i.log.Warn().Str("account", account).Str("remote", remote).Str("source", source).Str("incarnation", incarnation).
		Msg("an account reports as a source of another name")
}

// due reports whether it is time to log a pair again.
func (i *impersonations) due(account, source string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	now, key := i.now(), [2]string{account, source}
	if at, known := i.told[key]; known && now.Sub(at) < toldInterval {
		return false
	}
	if len(i.told) >= mostTold || i.told == nil {
		i.told = make(map[[2]string]time.Time)
	}
	i.told[key] = now
	return true
}
