//go:build soak

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// TestCrowdedMoment looks at a moment with more sessions than are listed: the page says so, and
// a filter finds those beyond.
func TestCrowdedMoment(t *testing.T) {
	const many = 101_000
	s := serve(t)
	for from := 0; from < many; from += 10_000 {
		s.crowd(from, min(10_000, many-from))
	}
	s.report(`{"source":"edge-1","incarnation":"1","lease":"1h","events":[
		{"kind":"session_opened","key":"last","service":"rare","protocol":"mysql","address":"10.0.0.1","port":1}]}`)
	moment := time.Now().UTC().Add(time.Millisecond) // the address has milliseconds
	eventually(t, "the moment is over", func() bool { return time.Since(moment) > 50*time.Millisecond })
	p := open(t, s.base()+"#/time?span=10m&t="+moment.Format("2006-01-02T15:04:05.000Z"))
	eventuallyIn(t, time.Minute, "the first are listed", func() bool {
		return value[bool](p, `document.querySelector(".past .total")?.innerText === "101\u202f001 sessions at that moment; the first 100\u202f000 are listed and counted, choose a user, service, server or address to see others"`)
	}, func() string { return value[string](p, `document.body.innerText.slice(0, 900)`) })
	p.until(`document.querySelector("[role=grid]").getAttribute("aria-rowcount") === "100001"`)
	p.goTo("#/time?span=10m&t=" + moment.Format("2006-01-02T15:04:05.000Z") + "&service=rare")
	p.until(`document.querySelector(".total").innerText === "1 such session at that moment"`)
	p.until(fmt.Sprintf(`document.querySelector("[role=grid]").getAttribute("aria-rowcount") === "%d"`, 2))
}
