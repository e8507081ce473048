package e2e

import "testing"

// TestBook sees what the book says of itself: that it records, its head and size, its sources
// with their leases, its servers over a day, and what came and went.
func TestBook(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.mariaDB()
	s.report(`{"source":"edge-1","incarnation":"1","lease":"90m","host":"rack-7","version":"2.4","events":[]}`)
	p := open(t, s.base()+"#/book")
	p.until(`document.querySelector(".tile.good .value").innerText === "ready"`)
	p.until(`["Head", "Size", "Growth", "Program"].every((title) => document.querySelector(".tiles").innerText.includes(title))`)
	p.until(`[...document.querySelectorAll("tr")].some((row) => ["edge-1", "rack-7", "2.4", "1h30m0s", "nothing"].every((part) => row.innerText.includes(part)))`)
	p.shows("source started")
	p.until(`document.querySelector(".serverday .band.running")`)
	p.until(`[...document.querySelectorAll(".serverday")].some((day) => day.innerText.includes("db-1") && day.innerText.includes("running"))`)
}
