package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPictures writes pictures of the page with nothing, with one session and with 10,000, in
// both colours, for a desktop and a phone (what it shows, and as a roll), to the folder that E2E_LOOK names. People look at
// them: nothing is compared.
func TestPictures(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("E2E_LOOK")
	if folder == "" {
		t.Log("E2E_LOOK names no folder for pictures")
		return
	}
	t.Run("signin", func(t *testing.T) { lookAtSignIn(t, serve(t, "ann:admin"), folder) })
	s := serve(t)
	t.Run("none", func(t *testing.T) { look(t, s, folder, "none", "now", "history", "time", "book") })
	one := s.mariaDB()
	for range 300 {
		one.query("SELECT REPEAT('x', 20000)")
	}
	t.Run("one", func(t *testing.T) { look(t, s, folder, "one", "now?service=orders", "session/%d") })
	t.Run("states", func(t *testing.T) { lookAtStates(t, s, folder) })
	for range 12 {
		c := s.mariaDB()
		c.query("SELECT 1")
		c.close()
	}
	s.crowd(0, 10_000)
	t.Run("many", func(t *testing.T) { look(t, s, folder, "many", "now", "history", "time", "book") })
}

// look takes a picture of each route.
func look(t *testing.T, s *server, folder, name string, routes ...string) {
	t.Helper()
	for _, device := range []struct {
		name          string
		width, height int64
		phone         bool
	}{{"desktop", 1280, 900, false}, {"phone", 390, 844, true}, {"roll", 390, 2200, true}} {
		p := open(t, s.base())
		p.resize(device.width, device.height, device.phone)
		p.until(`document.querySelector(".status")?.dataset.state === "live"`)
		for _, colour := range []string{"light", "dark"} {
			p.prefer("prefers-color-scheme: "+colour, "prefers-reduced-motion: reduce")
			for _, route := range routes {
				if route == "session/%d" {
					p.goTo("#/now?service=orders")
					route = fmt.Sprintf(route, p.session("orders"))
				}
				p.goTo("#/" + route)
				p.until(`!document.querySelector(".notice.loading")`)
				p.settle()
				view := strings.Trim(route[:min(len(route), 4)], "?")
				check(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%s-%s-%s.png", name, view, device.name, colour)), p.picture(), 0o600))
			}
		}
	}
}

// lookAtSignIn takes pictures of the page that asks who one is.
func lookAtSignIn(t *testing.T, s *server, folder string) {
	t.Helper()
	for _, device := range []struct {
		name          string
		width, height int64
		phone         bool
	}{{"desktop", 1280, 900, false}, {"phone", 390, 844, true}} {
		p := open(t, s.base())
		p.allow("status of 401")
		p.resize(device.width, device.height, device.phone)
		p.enter("input[name=name]", "ann")
		p.enter("input[name=password]", "wrong-password")
		p.key(keyEnter)
		p.until(`document.querySelector(".said").innerText !== ""`)
		for _, colour := range []string{"light", "dark"} {
			p.prefer("prefers-color-scheme: "+colour, "prefers-reduced-motion: reduce")
			p.settle()
			check(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("signin-%s-%s.png", device.name, colour)), p.picture(), 0o600))
		}
	}
}

// lookAtStates takes pictures of what is not always there: the question before an end, how long it
// can be taken back, what is on its way, what failed, and no connection.
func lookAtStates(t *testing.T, s *server, folder string) {
	t.Helper()
	for _, device := range []struct {
		name          string
		width, height int64
		phone         bool
	}{{"desktop", 1280, 900, false}, {"phone", 390, 844, true}} {
		for _, colour := range []string{"light", "dark"} {
			f := newFaulty(t, s)
			p := open(t, f.address)
			p.allow("status of 500", "Failed to load resource: net::ERR_")
			p.resize(device.width, device.height, device.phone)
			p.prefer("prefers-color-scheme: "+colour, "prefers-reduced-motion: reduce")
			keep := func(what string) {
				p.settle()
				check(t, os.WriteFile(filepath.Join(folder, fmt.Sprintf("state-%s-%s-%s.png", what, device.name, colour)), p.picture(), 0o600))
			}
			id := p.session("orders")
			p.click("#row-" + itoa(id) + " input")
			p.press("End 1 session …")
			p.enter("dialog input", "runaway report")
			keep("dialog")
			p.key(keyEnter)
			p.shows("ends in")
			keep("pending")
			p.press("Undo")
			p.shows("goes on")
			f.set(true, false)
			p.goTo("#/history")
			keep("loading")
			f.set(false, true)
			p.until(`document.querySelector(".notice.error")`)
			keep("failed")
			p.goTo("#/now")
			f.cut()
			p.until(`document.querySelector(".banner:not([hidden])")`)
			keep("disconnected")
			f.set(false, false)
			p.leave()
		}
	}
}

// settle waits until the page has drawn what it was told, for a second of updates.
func (p *tab) settle() {
	p.t.Helper()
	p.do(`globalThis.settled = 0; for (const wait of [600]) setTimeout(() => requestAnimationFrame(() => { globalThis.settled = 1; }), wait)`)
	p.until("globalThis.settled === 1")
}
