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

	// Its records are in the log of the signed head, as the page itself computes.
	eventually(t, "a signed head covers the session", func() bool {
		p.press("Check the proofs")
		p.until(`!document.querySelector(".proof button").disabled`)
		return value[bool](p, `/^[3-9] records of this session are in the log of the signed head of \d+ records, whose root is \S+=\.$/.test(document.querySelector(".proof p").innerText)`)
	}, func() string { return value[string](p, `document.querySelector(".proof p").innerText`) })
	// A record of which a bit is another is not.
	p.do(`{ const real = fetch; globalThis.fetch = async (...asked) => {
		const answer = await real(...asked);
		if (!String(asked[0]).includes("log/records/")) return answer;
		const stored = await answer.json();
		const leaf = atob(stored.leaf);
		stored.leaf = btoa(leaf.slice(0, -1) + String.fromCharCode(leaf.charCodeAt(leaf.length - 1) ^ 1));
		return new Response(JSON.stringify(stored));
	}; globalThis.restore = () => { globalThis.fetch = real; }; }`)
	p.press("Check the proofs")
	p.until(`document.querySelector(".proof .bad")?.innerText.includes("is not in the log of the signed head")`)
	p.do("globalThis.restore()")

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

	// Times are in the viewer's zone, and in UTC when pointed at.
	p.until(`(([time]) => time.title.endsWith(" UTC") && time.innerText.slice(0, 2) === new Date(time.dateTime).toLocaleTimeString("en-GB", { timeZone: "Europe/Berlin" }).slice(0, 2))(document.querySelectorAll(".facts time"))`)

	// The moments in which queues crossed their marks.
	statistics := func(n, high, low int) string {
		return fmt.Sprintf(`{"kind":"statistics_recorded","key":"k","connection":1,"statistics":{"reads":%d,"writes":%d,"buffered_writes":%d,"high_water_events":%d,"low_water_events":%d,"bytes_read":%d,"bytes_written":%d}}`, n, n, high, high, low, n*100, n*1000)
	}
	s.report(`{"source":"edge-1","incarnation":"1","lease":"1h","events":[
		{"kind":"session_opened","key":"k","service":"stock","protocol":"mysql","address":"10.0.0.1","port":1},
		{"kind":"connection_opened","key":"k","connection":1,"server":"db-stock"},` + statistics(10, 0, 0) + "," + statistics(20, 1, 0) + "," + statistics(30, 1, 1) + `]}`)
	p.goTo("#/now")
	p.goTo("#/session/" + itoa(p.session("stock")))
	p.until(`document.querySelector(".plot .water.high") && document.querySelector(".plot .water.low")`)

	p.allow("sessions/999999", "log/checkpoint") // the console notes that it is not found
	p.goTo("#/session/999999")
	p.shows("No session 999999")
}

const plotLabel = `document.querySelectorAll(".plot svg")[1].getAttribute("aria-label")`
