package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// TestMany looks at a moment with more sessions than are read at once, and exports more than a
// page: both have all of them, and say how many.
func TestMany(t *testing.T) {
	t.Parallel()
	const many = 5600
	s := serve(t)
	s.crowd(0, many)
	moment := time.Now().UTC().Add(time.Millisecond) // the address has milliseconds
	eventually(t, "the moment is over", func() bool { return time.Since(moment) > 50*time.Millisecond })
	s.endCrowd(0, many)
	f := newFaulty(t, s)
	t.Cleanup(func() { f.set(false, false) })
	p := open(t, f.address+"#/time?span=10m&t="+moment.Format("2006-01-02T15:04:05.000Z"))
	p.until(`document.querySelector(".total").innerText === "5\u202f600 sessions at that moment"`)
	p.until(fmt.Sprintf(`document.querySelector("[role=grid]").getAttribute("aria-rowcount") === "%d"`, many+1))
	p.shows("not marked: only the newest 5\u202f000 sessions of this span are")
	p.until(`document.querySelector(".timeslider rect.unmarked").getAttribute("width") > 0`)

	// The last one is there, and the counts are of all.
	p.do(`document.querySelector("[role=grid]").focus()`)
	p.key(keyEnd)
	p.until(`document.querySelector(".rows .row.active")?.getAttribute("aria-rowindex") === "5601"`)
	var groups []struct {
		Group    string
		Sessions int
	}
	check(t, json.Unmarshal([]byte(s.get("sessions/counts?group=user&status=all&limit=3&since="+moment.Add(-time.Hour).Format(time.RFC3339))), &groups))
	for _, g := range groups {
		want := g.Group + " " + grouped(g.Sessions)
		p.until(`[...document.querySelectorAll(".facet button")].some((b) => b.innerText.split(/\s*\n\s*|\t/).join(" ") === ` + quote(want) + `)`)
	}
	p.enter("input[type=search]", "jdoe")
	p.until(`document.querySelector(".total").innerText.includes(" of 5\u202f600 sessions at that moment")`)

	// What is exported is all that matches.
	p.goTo("#/history")
	p.until(tableRows + " === 100")
	p.do(`{ const make = URL.createObjectURL; globalThis.saves = 0; URL.createObjectURL = (b) => { globalThis.saves++; b.text().then((text) => { globalThis.saved = text; }); return make(b); }; }`)
	p.press("Export CSV")
	p.shows("5\u202f600 sessions exported.")
	p.until(fmt.Sprintf(`globalThis.saved?.trim().split("\n").length === %d`, many+1))
	f.set(true, false)
	p.press("Export CSV")
	p.press("Stop the export")
	p.shows("The export was stopped: nothing was saved.")
	p.allow("status of 500")
	f.set(false, true)
	p.press("Export CSV")
	p.shows("Nothing was saved: The server's log says what went wrong.")
	if saves := value[int](p, "globalThis.saves"); saves != 1 {
		t.Errorf("%d files were saved", saves)
	}
}

// grouped returns a number as the page writes it, below a million.
func grouped(n int) string {
	if n < 1000 {
		return itoa(n)
	}
	return fmt.Sprintf("%d\u202f%03d", n/1000, n%1000)
}
