package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// faulty is a proxy before a server that can hold requests of the API back, and answer them with
// an error. The page itself it always passes on.
type faulty struct {
	address string
	cut     func() // closes the connections of clients

	mu   sync.Mutex
	hold chan struct{} // is closed to let go on; nil while nothing is held back
	fail bool
}

func newFaulty(t *testing.T, s *server) *faulty {
	t.Helper()
	to, err := url.Parse(s.base())
	check(t, err)
	f := &faulty{}
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" && r.URL.Path != "/sign-in" && !strings.HasPrefix(r.URL.Path, "/web/") {
			hold, _ := f.now()
			if hold != nil {
				select {
				case <-hold:
				case <-r.Context().Done():
					return
				}
			}
			if _, fail := f.now(); fail {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write([]byte(`{"error":"Internal error","description":"The server's log says what went wrong."}`))
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	f.address, f.cut = front.URL+"/", front.CloseClientConnections
	return f
}

// now returns what is done with requests.
func (f *faulty) now() (hold chan struct{}, fail bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hold, f.fail
}

// set holds requests back from now on, fails them, or lets them go on.
func (f *faulty) set(hold, fail bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hold != nil {
		close(f.hold)
		f.hold = nil
	}
	if hold {
		f.hold = make(chan struct{})
	}
	f.fail = fail
}

// TestStates shows each view while its answer is on its way, and when it was an error: both are
// said, to a screen reader too, and the view goes on from there when it can.
func TestStates(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.mariaDB()
	f := newFaulty(t, s)
	t.Cleanup(func() { f.set(false, false) })
	p := open(t, f.address+"#/book")
	p.allow("status of 500")
	id := "1"
	p.do(axeSource(t))
	for _, view := range []struct{ route, loading, ready string }{
		{"now", "Reading the book", `document.querySelector(".rows .row:not([hidden])")`},
		{"session/" + id, "Reading session " + id, `document.querySelector(".facts dd")`},
		{"history", "Reading the past", `document.querySelector(".lanes .stay")`},
		{"time", "Reading that moment", `document.querySelector(".view.past .rows .row:not([hidden])")`},
		{"book", "Looking at the book", `document.querySelector(".tiles .tile")`},
	} {
		p.goTo("#/nowhere")
		p.shows("There is no such page")
		f.set(true, false)
		if view.route == "now" { // its list is read once
			p.goTo("#/now")
			p.run(reload())
			p.do(axeSource(t))
		}
		p.goTo("#/" + view.route)
		p.until(`[...document.querySelectorAll(".notice.loading[role=status]")].some((n) => n.innerText.includes(` + quote(view.loading) + `))`)
		p.noFaults(t, view.route+" on its way")
		f.set(false, true)
		p.until(`(() => { const n = document.querySelector("main .notice.error[role=alert]"); return n?.offsetParent && n.innerText.includes("Internal error") && n.innerText.includes("The server's log says what went wrong."); })()`)
		p.noFaults(t, view.route+" failed")
		f.set(false, false)
		p.press("Try again")
		p.until(view.ready)
		p.until(`![...document.querySelectorAll("main .notice.error")].some((n) => n.offsetParent)`)
	}
}

// noFaults has axe-core look at the page in both colours.
func (p *tab) noFaults(t *testing.T, what string) {
	t.Helper()
	for _, colour := range []string{"dark", "light"} {
		p.prefer("prefers-reduced-motion: reduce", "prefers-color-scheme: "+colour)
		p.until(`document.documentElement.dataset.theme === "` + colour + `"`)
		for _, fault := range value[[]string](p, axeFaults) {
			t.Errorf("%s, %s: %s", what, colour, fault)
		}
	}
}

// TestBoot opens the page behind a proxy that names itself as the host: the browser is refused
// the page's modules, and the page says what to do instead of loading for ever.
func TestBoot(t *testing.T) {
	t.Parallel()
	s := serve(t)
	to, err := url.Parse(s.base())
	check(t, err)
	front := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})
	t.Cleanup(front.Close)
	p := open(t, "about:blank")
	p.allow("status of 403")
	p.origin = front.URL + "/"
	p.run(chromedp.Navigate(p.origin))
	p.until(`document.querySelector(".boot[role=alert]")?.innerText.includes("Behind a proxy")`)
}

// TestDisconnected cuts the page off: it says since when what it shows is old, keeps it, and goes
// on at once when one says so.
func TestDisconnected(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.mariaDB()
	f := newFaulty(t, s)
	p := open(t, f.address)
	p.allow("status of 50", "Failed to load resource: net::ERR_")
	p.do(axeSource(t))
	p.session("orders")
	f.set(false, true)
	s.kill()
	p.until(`document.querySelector(".banner[role=alert]:not([hidden])")?.innerText.includes("what is shown is of then")`)
	p.until(`document.querySelector(".status").innerText === "not connected" && document.querySelector(".banner .next").innerText.length > 3`)
	if !strings.Contains(value[string](p, rows), "orders") {
		t.Error("what was shown is gone")
	}
	p.noFaults(t, "disconnected")
	if wide := value[string](p, tooWide); wide != "" {
		t.Errorf("wider than the screen: %s", wide)
	}
	f.set(false, false)
	s.start()
	p.press("Try now")
	p.until(`document.querySelector(".banner").hidden && document.querySelector(".status").dataset.state === "live"`)
}

// TestReadOnly looks as an account that may not end sessions: nothing offers it, it is said why,
// and the server would refuse it.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	s := serve(t, "ann:admin", "ben:basic")
	c := s.mariaDB()
	p := open(t, s.base())
	p.allow("status of 403")
	p.signIn("ben")
	id := p.session("orders")
	p.until(`document.querySelector(".now .tag").innerText === "read only" && document.querySelector(".now .tag").title.includes("administrator")`)
	p.do(`document.querySelector("[role=grid]").focus()`)
	p.key("k")
	p.key(" ")
	p.key(keyEnter)
	p.until(`location.hash === "#/session/` + itoa(id) + `" && document.querySelector(".sessionhead .tag")?.innerText === "read only"`)
	if value[bool](p, `Boolean(document.querySelector("dialog, .row.chosen, .danger"))`) {
		t.Error("something offers to end sessions")
	}
	if status := value[int](p, `fetch("sessions/`+itoa(id)+`", { method: "DELETE", headers: { "Gatebook-Page": "1" } }).then((a) => a.status)`); status != http.StatusForbidden {
		t.Errorf("an end by a basic account: got %d", status)
	}
	if c.gone() {
		t.Error("the session was ended")
	}
}

// TestSignInLooks has axe-core look at the page that asks who one is: in both colours, at both
// widths, with an account, with a token, and after a wrong password.
func TestSignInLooks(t *testing.T) {
	t.Parallel()
	s := serve(t, "ann:admin")
	p := open(t, s.base())
	p.allow("status of 401")
	p.until(`document.activeElement?.name === "name"`)
	p.do(axeSource(t))
	look := func(what string) {
		t.Helper()
		for _, device := range []struct {
			width, height int64
			phone         bool
		}{{1280, 800, false}, {390, 844, true}} {
			p.resize(device.width, device.height, device.phone)
			p.noFaults(t, what)
			if value[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
				t.Errorf("%s, %d pixels: wider than the screen", what, device.width)
			}
		}
	}
	look("account")
	p.enter("input[name=name]", "ann")
	p.enter("input[name=password]", "wrong-password")
	p.key(keyEnter)
	p.until(`document.querySelector(".said[role=alert]").innerText.length > 10 && document.activeElement.name === "password"`)
	look("a wrong password")
	p.press("Use a token instead")
	p.until(`document.activeElement.name === "token"`)
	look("token")
	for _, field := range []string{"name", "password", "token"} {
		if !value[bool](p, `document.querySelector("input[name=`+field+`]").labels[0].innerText !== undefined && document.querySelector("input[name=`+field+`]").labels.length === 1`) {
			t.Errorf("the field %s has no label", field)
		}
	}
}
