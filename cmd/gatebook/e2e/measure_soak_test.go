//go:build soak

package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TestMeasure measures the page with 10,000 live sessions of which 500 events a second come:
// first paint, frames while it is scrolled, and memory over E2E_MINUTES (10 without it). The
// figures stand in docs/PERFORMANCE.md.
func TestMeasure(t *testing.T) {
	minutes := 10
	if text := os.Getenv("E2E_MINUTES"); text != "" {
		_, err := fmt.Sscan(text, &minutes)
		check(t, err)
	}
	s := serve(t)
	s.crowd(0, 10_000)
	p := open(t, s.base())
	p.until(`document.querySelector(".total")?.innerText.startsWith("10\u202f000 live")`)
	p.run(reload())
	p.until(`document.querySelector(".rows .row:not([hidden])") && (globalThis.listed ??= performance.now())`)
	p.until(`document.querySelector(".total").innerText.startsWith("10\u202f000 live")`)
	t.Logf("first contentful paint %.0f ms, first rows at most %.0f ms, all 10,000 at most %.0f ms after the beginning",
		value[float64](p, `performance.getEntriesByName("first-contentful-paint")[0].startTime`),
		value[float64](p, "globalThis.listed"), value[float64](p, "performance.now()"))
	t.Logf("scrolled, nothing changes: %s", p.scrolled())

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- s.churn(ctx, 10_000) }()
	began := time.Now()
	t.Logf("scrolled, with changes: %s", p.scrolled())
	p.goTo("#/?sort=user")
	p.until(`document.querySelector(".head .user").getAttribute("aria-sort") === "ascending"`)
	t.Logf("scrolled, with changes, in the order of users: %s; one draw takes %s", p.scrolled(), value[string](p, busy))
	p.goTo("#/")
	p.until(`document.querySelector(".head .user").getAttribute("aria-sort") === "none"`)
	for minute := range minutes {
		t.Logf("after %s: heap %.1f MB, one draw takes %s", time.Since(began).Round(time.Second), p.heap(), value[string](p, busy))
		eventuallyIn(t, time.Minute+deadline, "a minute has passed", func() bool { return time.Since(began) > time.Duration(minute+1)*time.Minute })
	}
	t.Logf("after %s: heap %.1f MB", time.Since(began).Round(time.Second), p.heap())
	t.Logf("scrolled, with changes, at the end: %s", p.scrolled())
	stop()
	t.Logf("%.0f events a second", float64(<-ended)/time.Since(began).Seconds())
	if text := value[string](p, `document.querySelector(".total").innerText`); !strings.HasPrefix(text, "10\u202f000 live") {
		t.Errorf("the page shows %q", text)
	}
}

// busy is an expression for how long the page takes to choose, count, order and draw, at once.
const busy = `(() => { const began = performance.now(); dispatchEvent(new HashChangeEvent("hashchange")); return (performance.now() - began).toFixed(1) + " ms"; })()`

// churn ends old sessions and opens new ones, about 500 events a second, until ctx ends. It
// returns how many events it sent.
func (s *server) churn(ctx context.Context, from int) (sent int) {
	const each = 17
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for first := from; ; first += each {
		select {
		case <-ctx.Done():
			return sent
		case <-ticker.C:
		}
		var events []string
		for i := first; i < first+each; i++ {
			events = append(events,
				fmt.Sprintf(`{"kind":"session_closed","key":"k-%d","reason":"client_closed"}`, i-10_000),
				fmt.Sprintf(`{"kind":"session_opened","key":"k-%d","service":"orders","protocol":"mysql","address":"10.20.1.%d","port":%d}`, i, i%250, 30000+i%20000),
				fmt.Sprintf(`{"kind":"session_ready","key":"k-%d","user":%q,"database":"shop"}`, i, users[i%len(users)]))
		}
		s.report(fmt.Sprintf(`{"source":"edge-1","incarnation":"1","lease":"1h","events":[%s]}`, strings.Join(events, ",")))
		sent += len(events)
	}
}

// heap returns the size of the page's heap after a collection, in megabytes.
func (p *tab) heap() float64 {
	p.t.Helper()
	_, err := chromedp.Call(p.ctx, heapprofiler.CollectGarbage, cdp.Empty{})
	check(p.t, err)
	used, err := chromedp.Call(p.ctx, runtime.GetHeapUsage, cdp.Empty{})
	check(p.t, err)
	return used.UsedSize / 1e6
}

// scrolled scrolls the table for 5 seconds, and returns how long its frames took.
func (p *tab) scrolled() string {
	p.t.Helper()
	return value[string](p, `new Promise((done) => {
		const scroller = document.querySelector(".scroller");
		const times = [];
		let last = performance.now();
		const began = last;
		let by = 240;
		const next = (now) => {
			times.push(now - last);
			last = now;
			if (scroller.scrollTop + scroller.clientHeight >= scroller.scrollHeight - 400) by = -240;
			if (scroller.scrollTop <= 400) by = 240;
			scroller.scrollTop += by;
			if (now - began < 5000) return requestAnimationFrame(next);
			times.shift();
			times.sort((a, b) => a - b);
			const at = (share) => times[Math.floor(times.length * share)].toFixed(1);
			done(times.length + " frames in 5 s; a frame takes " + at(0.5) + " ms (median), " + at(0.95) + " ms (95 %), " + at(0.99) + " ms (99 %), " + times.at(-1).toFixed(1) + " ms at most");
		};
		requestAnimationFrame(next);
	})`)
}
