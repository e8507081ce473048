package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLooks goes through all views in light and dark, at the width of a desktop and of a phone:
// axe-core finds no serious fault, the colours are those that the system prefers, nothing is
// wider than the screen, and nothing moves where that is not wanted.
func TestLooks(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.mariaDB()
	s.postgres()
	s.mariaDB().close()
	p := open(t, s.base())
	p.do(axeSource(t))
	p.prefer("prefers-reduced-motion: reduce", "prefers-color-scheme: dark")
	p.until(`document.documentElement.dataset.theme === "dark"`)
	p.until(`getComputedStyle(document.querySelector(".shell")).animationName === "none"`)
	session := p.session("orders")
	for _, device := range []struct {
		width, height int64
		phone         bool
	}{{1440, 900, false}, {390, 844, true}} {
		p.resize(device.width, device.height, device.phone)
		for _, colour := range []string{"dark", "light"} {
			p.prefer("prefers-reduced-motion: reduce", "prefers-color-scheme: "+colour)
			p.until(`document.documentElement.dataset.theme === "` + colour + `"`)
			for _, route := range []string{"#/now", "#/session/" + itoa(session), "#/history", "#/time", "#/book"} {
				p.goTo(route)
				p.until(`document.querySelector("main .view") && !document.querySelector(".notice.loading")`)
				if wide := value[string](p, tooWide); wide != "" {
					t.Errorf("%s, %s, %d pixels: wider than the screen: %s", route, colour, device.width, wide)
				}
				for _, fault := range value[[]string](p, axeFaults) {
					t.Errorf("%s, %s, %d pixels: %s", route, colour, device.width, fault)
				}
			}
		}
	}
	// The button turns the system's choice around, and that stays.
	p.click(`button[aria-label="Switch between light and dark"]`)
	p.run(reload())
	p.until(`document.documentElement.dataset.theme === "dark" && getComputedStyle(document.body).backgroundColor === "rgb(18, 23, 26)"`)
}

// axeSource returns the program of axe-core.
func axeSource(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "..", "..", ".ci", "web", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("%v (.ci/web/check installs it)", err)
	}
	return string(source)
}

const (
	// axeFaults is an expression for what axe-core finds that is serious or critical.
	axeFaults = `axe.run(document, { resultTypes: ["violations"] }).then((found) => found.violations
		.filter((v) => ["serious", "critical"].includes(v.impact))
		.map((v) => v.id + ": " + v.nodes.map((n) => n.html.slice(0, 160) + " " + n.failureSummary).join(" | ").slice(0, 900)))`
	// tooWide is an expression for the first element that makes the page wider than the screen.
	tooWide = `document.documentElement.scrollWidth <= innerWidth && document.querySelector("main").scrollWidth <= document.querySelector("main").clientWidth ? "" :
		([...document.querySelectorAll("main *")].find((e) => e.getBoundingClientRect().right > innerWidth + 1)?.outerHTML.slice(0, 200) ?? "the page")`
)

// TestNames shows names that hold markup, control characters and marks that turn the direction
// of text: they are shown as text, and what is not seen by its code.
func TestNames(t *testing.T) {
	t.Parallel()
	s := serve(t)
	name := `<img src=x onerror="globalThis.hurt=1">&lt;`
	plain := strings.ReplaceAll(name, `"`, ``)
	check(t, shared.mariaDB.Exec("DROP USER IF EXISTS '"+plain+"'@'%'"))
	check(t, shared.mariaDB.AddUser(plain, "secret"))
	s.mariaDB(plain, "secret")
	s.report(`{"source":"edge <b>1</b>","incarnation":"1","lease":"1h","events":[
		{"kind":"session_opened","key":"k","service":"<script>globalThis.hurt=1</script>","protocol":"mysql","address":"10.0.0.1","port":1},
		{"kind":"session_ready","key":"k","user":"` + `x\u202egpj.exe` + `\u0007\u200b` + `","database":"<svg/onload=globalThis.hurt=1>","program":"javascript:globalThis.hurt=1"}]}`)
	p := open(t, s.base())
	p.shows("<img src=x onerror=globalThis.hurt=1>&lt;")
	p.shows("<script>globalthis.hurt=1</script>") // services are shown by their key
	p.shows(`x\u202egpj.exe\u0007\u200b`)
	id := value[string](p, `[...document.querySelectorAll(".rows .row")].find((r) => r.innerText.includes("202e")).id.slice(4)`)
	for _, route := range []string{"#/session/" + id, "#/history?since=all", "#/time", "#/book", "#/now?service=%3Cscript%3Eglobalthis.hurt%3D1%3C/script%3E"} {
		p.goTo(route)
		p.until(`document.querySelector("main .view") && !document.querySelector(".notice.loading")`)
	}
	p.shows("1 of 2 live sessions")
	if value[bool](p, "Boolean(globalThis.hurt) || Boolean(document.querySelector('main img, main script'))") {
		t.Error("a name has become markup")
	}
}

// TestKeyboard uses the page with the keyboard alone.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.mariaDB()
	s.mariaDB()
	p := open(t, s.base())
	p.session("orders")
	p.key(keyTab)
	p.until(`document.activeElement.className === "skip"`)
	p.key(keyEnter)
	p.until(`document.activeElement.id === "main"`)
	p.key("4")
	p.until(`location.hash === "#/book"`)
	p.key("1")
	p.until(`document.querySelector(".view.now input[type=search]")`)
	p.key("/")
	p.until(`document.activeElement.type === "search"`)
	p.do(`document.activeElement.value = ""`) // chromedp types the stroke although the page has taken the key
	p.key("gatebook_admin")
	p.until(`location.hash.includes("q=gatebook_admin")`)
	for range 40 {
		if value[bool](p, `document.activeElement.getAttribute("role") === "grid"`) {
			break
		}
		p.key(keyTab)
	}
	p.until(`document.activeElement.getAttribute("role") === "grid"`)
	p.key(keyDown)
	p.until(`document.querySelector(".rows .row.active").getAttribute("aria-rowindex") === "3" && document.activeElement.getAttribute("aria-activedescendant") === document.querySelector(".rows .row.active").id`)
	p.key(" ")
	p.until(`document.querySelector(".rows .row.chosen")?.getAttribute("aria-selected") === "true"`)
	p.key("k")
	p.until(`document.querySelector("dialog")?.open && document.activeElement.name === "reason"`)
	p.key(keyEsc)
	p.until(`!document.querySelector("dialog") && document.activeElement.getAttribute("role") === "grid"`)
	const sortButton = `document.activeElement.matches("[role=columnheader] button")`
	for range 3 { // the box that chooses all is before them
		p.key(keyTab)
		if value[bool](p, sortButton) {
			break
		}
	}
	p.until(sortButton)
	p.key(keyEnter)
	p.until(`document.activeElement.closest("[role=columnheader]").getAttribute("aria-sort") !== "none"`)
	p.do(`document.querySelector("[role=grid]").focus()`)
	p.key(keyEnter)
	p.until(`location.hash.startsWith("#/session/")`)
}
