package e2e

import (
	"fmt"
	"testing"
)

// TestNow follows sessions of real clients: they come and go without a reload, are filtered,
// ended, and spared.
func TestNow(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := open(t, s.base())
	p.shows("no accounts")
	p.until(`document.querySelector(".status").dataset.state === "live"`)
	orders := s.mariaDB()
	p.until(`[...document.querySelectorAll(".rows .row:not([hidden])")].some((r) => r.innerText.includes("orders") && r.innerText.includes("db-1"))`)
	reports := s.postgres()
	p.shows("nightly-report")

	// A count filters, and the filter is in the address.
	p.click(`[data-facet="service orders"]`)
	p.until(`location.hash.includes("service=orders") && !` + rows + `.includes("nightly-report")`)
	p.goTo("#/now?service=reports")
	p.until(rows + `.includes("nightly-report") && document.querySelector(".total").innerText.startsWith("1 of")`)
	p.goTo("#/now")

	// An end that is taken back.
	p.click(fmt.Sprintf(`#row-%d input`, p.session("orders")))
	p.press("End 1 session …")
	p.enter("dialog input", "too many rows")
	p.key(keyEnter)
	p.shows("ends in")
	p.shows("too many rows")
	p.press("Undo")
	p.shows("goes on")
	if orders.gone() {
		t.Error("the session was ended although that was taken back")
	}

	// An end at once, of several.
	for _, service := range []string{"orders", "reports"} {
		p.click(fmt.Sprintf(`#row-%d input`, p.session(service)))
	}
	p.press("End 2 sessions …")
	p.enter("dialog input", "maintenance")
	p.choose("dialog select", "")
	p.press("End 2 sessions")
	p.shows("2 sessions ended.")
	p.until("!" + rows + `.includes("orders")`)
	if !orders.gone() || !reports.gone() {
		t.Error("the clients are connected still")
	}
}

// session returns the id of the live session of a service.
func (p *tab) session(service string) int {
	p.t.Helper()
	find := fmt.Sprintf(`Number([...document.querySelectorAll(".rows .row:not([hidden]):not(.gone)")].find((r) => r.querySelector(".service").innerText === %q)?.id.slice(4) ?? 0)`, service)
	p.until(find)
	return value[int](p, find)
}

// rows is an expression for the text of the rows that are shown.
const rows = `(document.querySelector(".table").hidden ? "" : [...document.querySelectorAll(".rows .row:not([hidden])")].map((r) => r.innerText).join("\n"))`
