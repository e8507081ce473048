package e2e

import (
	"fmt"
	"testing"
)

// TestSession follows one session in its own view: its life, its counters, its trail, and how
// it is ended.
func TestSession(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := s.mariaDB()
	for range 50 {
		c.query("SELECT REPEAT('x', 20000)")
	}
	p := open(t, s.base()+"#/now?service=orders")
	id := p.session("orders")
	p.click(fmt.Sprintf("#row-%d .service", id))
	p.until(fmt.Sprintf(`location.hash === "#/session/%d"`, id))
	p.shows("to orders")
	p.until(`document.querySelectorAll(".picture .life").length === 2`) // the client, and a connection to a server
	p.until(`document.querySelector(".picture .mark.ready")`)
	p.until(`[...document.querySelectorAll(".plot path")].some((path) => path.getAttribute("d").includes("L"))`)
	p.shows("server reached")
	p.shows("no signed proofs yet")

	// Its counters go on without a reload.
	before := value[string](p, plotLabel)
	c.query("SELECT REPEAT('x', 2000000)")
	p.until(fmt.Sprintf(`%s !== %q`, plotLabel, before))

	p.press("End session …")
	p.enter("dialog input", "seen enough")
	p.choose("dialog select", "")
	p.press("End session")
	p.shows("It ended")
	p.shows("it was ended on request")
	p.shows("seen enough")
	p.until(`document.querySelector(".pill").innerText === "closed"`)
	p.until(`document.querySelector(".mark.kill")`)
	p.shows("end requested")
	if !c.gone() {
		t.Error("the client is connected still")
	}

	p.goTo("#/session/999999")
	p.allow("sessions/999999") // the console notes that it is not found
	p.shows("No session 999999")
}

const plotLabel = `document.querySelectorAll(".plot svg")[1].getAttribute("aria-label")`
