package e2e

import (
	"fmt"
	"testing"
	"time"
)

// TestTime moves the slider to a moment at which a session was there that has ended since, and
// plays from there.
func TestTime(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.postgres()
	c := s.mariaDB()
	c.query("SELECT 1")
	p := open(t, s.base()+"#/now")
	id := p.session("orders")
	moment := time.Now().UTC()
	// The moment and the end are apart on a slider that spans ten minutes.
	eventually(t, "a second has passed", func() bool { return time.Since(moment) > time.Second })
	c.close()
	p.until(fmt.Sprintf(`!document.querySelector("#row-%d:not([hidden])")`, id))

	p.goTo("#/time?span=10m&t=" + moment.Format("2006-01-02T15:04:05.000Z"))
	p.shows("2 sessions at that moment")
	p.until(fmt.Sprintf(`document.querySelector("#row-%d:not([hidden])")`, id))
	p.until(`document.querySelector(".timeslider .opened").getAttribute("d") && document.querySelector(".timeslider .ended").getAttribute("d")`)
	p.until(`document.querySelector(".timeslider .gap")`) // before the book
	p.until(`document.querySelector(".around .down")`)

	// By the keyboard to the end, where it is gone; to the beginning, before the book.
	p.do(`document.querySelector(".timeslider").focus()`)
	p.key(keyEnd)
	p.shows("1 session at that moment")
	p.do(`document.querySelector(".timeslider").focus()`)
	p.key(keyHome)
	p.shows("This is before the first record of the book.")
	p.shows("Nobody was connected")

	// To the change before a moment, by its button.
	p.goTo("#/time?span=10m&t=" + moment.Format("2006-01-02T15:04:05.000Z"))
	p.shows("2 sessions at that moment")
	p.click(`button[aria-label="To the next change"]`)
	p.shows("1 session at that moment")

	// Dragged, and played: it passes the end of the session.
	p.drag(".timeslider", 200, 100)
	p.until(`location.hash.includes("t=")`)
	p.goTo("#/time?span=10m&t=" + moment.Format("2006-01-02T15:04:05.000Z"))
	p.shows("2 sessions at that moment")
	p.choose(`select[aria-label="Speed"]`, "10")
	p.press("Play")
	p.shows("1 session at that moment")
}
