package e2e

import (
	"fmt"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/servertest"
)

// TestHistorySays has more of everything than the history shows: it says of how many.
func TestHistorySays(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var events []string
	for i := range 70 {
		key := fmt.Sprintf("f-%d", i)
		events = append(events,
			fmt.Sprintf(`{"kind":"session_opened","key":%q,"service":"shop-%d","protocol":"mysql","address":"10.0.0.%d","port":1}`, key, i, i%12+1),
			fmt.Sprintf(`{"kind":"session_closed","key":%q,"reason":"auth_failed","user":"root"}`, key))
	}
	for run := range 14 { // each incarnation but the last is an incident
		opened := fmt.Sprintf(`{"kind":"session_opened","key":"lost","service":"stock","protocol":"mysql","address":"10.0.1.1","port":%d}`, run+1)
		s.report(fmt.Sprintf(`{"source":"edge-%d","incarnation":"1","lease":"1h","events":[%s]}`, run, opened))
		s.report(fmt.Sprintf(`{"source":"edge-%d","incarnation":"2","lease":"1h","events":[]}`, run))
	}
	s.report(fmt.Sprintf(`{"source":"edge-0","incarnation":"2","lease":"1h","events":[%s]}`, strings.Join(events, ",")))
	p := open(t, s.base()+"#/history")
	p.shows("The 10 addresses with the most, of 12.")
	p.shows("The newest 12 of 14 incidents.")
	p.shows("this API's own clients are among the sessions")
	p.goTo("#/history?service=stock")
	p.until(tableRows + " === 14")
	p.until(`!document.body.innerText.includes("this API's own clients are among the sessions")`)
	p.goTo("#/book")
	p.shows("The newest 40 of ")
}

// TestHistory searches the sessions that have ended, sees them as lanes, exports them, and
// counts failed logins.
func TestHistory(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for range 3 {
		c := s.mariaDB()
		c.query("SELECT 1")
		c.close()
	}
	s.postgres().close()
	s.failLogin("mallory")
	eventually(t, "the sessions have ended", func() bool {
		return strings.Count(s.get("sessions?status=closed&fields=id,service"), `"/services/orders"`) == 4
	})
	p := open(t, s.base()+"#/history")
	p.until(`document.querySelectorAll(".lanes .stay").length >= 5`)
	p.until(tableRows + ` === 5`)
	p.shows("the login failed")

	// A search is in the address.
	p.choose("select[name=reason]", "auth_failed")
	p.press("Search")
	p.until(`location.hash.includes("reason=auth_failed")`)
	p.until(tableRows + ` === 1`)
	p.shows("mallory")
	p.press("reason auth_failed")
	p.until(tableRows + ` === 5`)
	p.enter("input[name=service]", "orders")
	p.press("Search")
	p.until(tableRows + ` === 4`)

	// By user, and in a window from … to ….
	p.goTo("#/history")
	p.until(tableRows + ` === 5`)
	p.enter("input[name=user]", "mallory")
	p.press("Search")
	p.until(`location.hash.includes("user=mallory")`)
	p.until(tableRows + ` === 1`)
	p.goTo("#/history")
	p.choose("select[name=window]", "custom")
	p.do(`{ const local = (at) => new Date(at - new Date().getTimezoneOffset() * 60e3).toISOString().slice(0, 19);
		document.querySelector("input[name=from]").value = local(Date.now() - 3600e3);
		document.querySelector("input[name=until]").value = local(Date.now() - 1800e3); }`)
	p.press("Search")
	p.until(`location.hash.includes("since=") && location.hash.includes("until=")`)
	p.shows("No ended session matches")
	p.shows("Nobody was there")
	p.goTo("#/history?by=ann")
	p.shows("No ended session matches")
	p.goTo("#/history?service=orders")
	p.until(tableRows + ` === 4`)
	for lanes, name := range map[string]string{"server": "db-1", "service": "orders", "user": "gatebook_admin"} {
		p.choose(`select[aria-label="Lanes by"]`, lanes)
		p.until(`document.querySelector(".lane .name title").textContent.startsWith(` + quote(name) + `)`)
	}

	// Lanes by another member, zoom and drag, and the part that is seen as the window.
	p.choose(`select[aria-label="Lanes by"]`, "address")
	p.until(`document.querySelector(".lane .name").textContent.startsWith("127.0.0.1")`)
	before := value[string](p, firstBar)
	p.drag(".lanes .picture svg", 400, 700)
	p.until(firstBar + " !== " + quote(before))
	before = value[string](p, firstBar)
	p.click(`button[aria-label="See less time"]`)
	p.until(firstBar + " !== " + quote(before))
	p.press("Search in this part")
	p.until(`location.hash.includes("until=")`)

	// What is shown goes to a file.
	p.goTo("#/history?service=orders")
	p.until(tableRows + ` === 4`)
	p.do(`{ const make = URL.createObjectURL; URL.createObjectURL = (b) => { b.text().then((text) => { globalThis.saved = text; }); return make(b); }; }`)
	p.press("Export CSV")
	p.until("globalThis.saved")
	lines := strings.Split(strings.TrimSpace(value[string](p, "globalThis.saved")), "\n")
	if len(lines) != 5 || !strings.Contains(lines[0], "user") || !strings.Contains(strings.Join(lines, "\n"), "mallory") {
		t.Errorf("the file has %d lines: %q", len(lines), lines)
	}

	// Failed logins by address lead to their sessions.
	p.goTo("#/history")
	p.click(`section[aria-label="Failed logins by address"] .counts a`)
	p.until(`location.hash.includes("address=127.0.0.1") && location.hash.includes("reason=auth_failed")`)
	p.until(tableRows + ` === 1`)
	p.goTo("#/history?since=all&user=nobody-has-this-name")
	p.shows("No ended session matches")
}

const (
	// tableRows is an expression for how many ended sessions are listed.
	tableRows = `document.querySelectorAll('section[aria-label="Ended sessions"] tbody tr').length`
	// firstBar is an expression for where the bars of the lanes are.
	firstBar = `[...document.querySelectorAll(".lanes .stay")].map((bar) => bar.getAttribute("x")).join()`
)

// failLogin tries to log in with a wrong password.
func (s *server) failLogin(user string) {
	s.t.Helper()
	to := shared.mariaDB.Login
	to.Address, to.User, to.Password = s.mysql, user, "wrong"
	if out := servertest.RunMariaDBClient(s.t, to, "SELECT 1"); out.Code == 0 {
		s.t.Error("a wrong password was accepted")
	}
}
