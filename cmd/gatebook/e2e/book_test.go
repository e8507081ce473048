package e2e

import "testing"

// TestBook sees what the book says of itself: that it records, its head and size, its sources
// with their leases, its servers over a day, and its gaps.
func TestBook(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.mariaDB()
	s.report(`{"source":"edge-1","incarnation":"1","lease":"90m","host":"rack-7","version":"2.4","events":[
		{"kind":"recording_gap","sessions":3,"events":7},
		{"kind":"server_changed","name":"db-7","state":"running"},
		{"kind":"server_changed","name":"db-7","state":"down","cause":"connection refused"}]}`)
	p := open(t, s.base()+"#/book")
	p.until(`document.querySelector(".tile.good .value").innerText === "ready"`)
	p.until(`["Head", "Size", "Growth", "Program"].every((title) => document.querySelector(".tiles").innerText.includes(title))`)
	p.until(`[...document.querySelectorAll("tr")].some((row) => ["edge-1", "rack-7", "2.4", "1h30m0s", "3 sessions"].every((part) => row.innerText.includes(part)))`)
	p.shows("3 sessions and 7 events could not be recorded")
	p.until(`document.querySelector(".serverday .band.running") && document.querySelector(".serverday .band.down")`)
	p.until(`[...document.querySelectorAll(".serverday")].some((day) => day.innerText.includes("db-7") && day.innerText.includes("connection refused"))`)
	p.until(`[...document.querySelectorAll(".serverday")].some((day) => day.innerText.includes("db-1") && day.innerText.includes("running"))`)
}
