package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"
)

// TestBasePath serves the page below a path of another site, through proxies that pass whole
// paths on and that take the path off, and with a server that does not know of the path.
func TestBasePath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, keys string
		strips     bool
	}{{"whole", `base_path = "/inner/gate/"`, false}, {"stripped", `base_path = "/inner/gate"`, true}, {"unknown", "", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serveWith(t, c.keys, "ann:admin")
			front := below(t, s, "/inner/gate", c.strips)
			address := front + "/inner/gate"
			if c.strips {
				address += "/" // where the proxy itself has no such redirect
			}
			p := open(t, address)
			p.origin = front + "/inner/gate"
			p.until(`location.pathname === "/inner/gate/" && document.querySelector("input[name=name]")`)
			p.signIn("ann")
			p.until(`document.querySelector(".status")?.dataset.state === "live"`)
			p.run(reload())
			c := s.mariaDB()
			id := p.session("orders")
			p.click("#row-" + itoa(id) + " input")
			p.press("End 1 session …")
			p.enter("dialog input", "below a path")
			p.choose("dialog select", "")
			p.key(keyEnter)
			p.shows("1 session ended.")
			if !c.gone() {
				t.Error("the client is connected still")
			}
			p.goTo("#/session/" + itoa(id))
			p.shows("it was ended on request by ann (below a path).")
			s.login = "ann"
			s.crowd(0, 120)
			s.endCrowd(0, 120)
			for _, route := range []string{"#/time", "#/book", "#/history"} {
				p.goTo(route)
				p.until(`document.querySelector("main .view") && !document.querySelector(".notice.loading, .notice.error")`)
			}
			// The link to the next page is right below the path.
			p.until(tableRows + " === 100")
			p.press("Show more")
			p.until(tableRows + " === 121")
			p.press("Sign out")
			p.shows("You are signed out.")
			p.leave()
		})
	}
}

// below starts a proxy that shows a server below a path, and returns the proxy's address.
func below(t *testing.T, s *server, path string, strips bool) string {
	t.Helper()
	to, err := url.Parse(s.base())
	check(t, err)
	var proxy http.Handler = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
		},
		FlushInterval: -1,
	}
	if strips {
		proxy = http.StripPrefix(path, proxy)
	}
	mux := http.NewServeMux()
	mux.Handle(path+"/", proxy)
	if !strips {
		mux.Handle(path, proxy)
	}
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	return front.URL
}

// TestTabs opens two tabs: they share one stream, and when the one that reads it is closed the
// other goes on.
func TestTabs(t *testing.T) {
	t.Parallel()
	s := serve(t)
	first := open(t, s.base())
	first.until(`document.querySelector(".status")?.dataset.state === "live"`)
	second := open(t, s.base(), first)
	second.until(`document.querySelector(".status")?.dataset.state === "live"`)
	s.mariaDB()
	first.session("orders")
	second.session("orders")
	if a, b := first.asked(), second.asked(); a != 1 || b != 0 {
		t.Errorf("the tabs asked for %d and %d streams", a, b)
	}
	first.do(`location.href = "about:blank"`)
	s.postgres()
	second.session("reports")
	if n := second.asked(); n != 1 {
		t.Errorf("the second tab asked for %d streams", n)
	}
}

// asked returns how many times a tab asked for the stream of records.
func (p *tab) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.streams
}

// TestRestart kills the server under the page, and starts it again: the page says so, goes on
// by itself, and shows what was lost as one incident.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.mariaDB()
	s.postgres()
	p := open(t, s.base())
	p.session("orders")
	p.session("reports")
	p.allow("Failed to load resource: net::ERR_", "status of 503") // it is starting
	s.kill()
	p.shows("Not connected since")
	p.until(`document.querySelector(".status").dataset.state === "off"`)
	s.start()
	p.until(`document.querySelector(".status").dataset.state === "live" && document.querySelector(".banner").hidden`)
	p.until(`!` + rows + `.includes("orders")`)
	s.mariaDB()
	p.session("orders")

	p.goTo("#/history")
	p.until(`document.querySelectorAll(".incident").length === 1`)
	p.shows("2 sessions lost")
	p.until(`document.querySelectorAll(".lanes .stay.lost").length === 2 && document.querySelector(".lanes").innerText.includes("lost (outlined)")`)
	p.do(`document.querySelector(".incident summary").click()`)
	p.shows("Running then:")
	p.until(`["orders", "reports"].every((name) => document.querySelector(".incident").innerText.includes(name))`)
	p.goTo("#/time?span=10m")
	p.until(`document.querySelectorAll(".timeslider .gap").length >= 2`) // before the book, and the restart
	p.goTo("#/book")
	p.shows("started 2 times in a day")
	p.shows("db-1")

	// Another book at the same address: the page begins anew.
	p.goTo("#/now")
	p.session("orders")
	s.kill()
	check(t, os.RemoveAll(s.data()))
	s.run("init", "--data", s.data())
	p.allow("status of 400")
	s.start()
	p.until(`document.querySelector(".status").dataset.state === "live" && !` + rows + `.includes("orders")`)
	s.postgres()
	p.session("reports")
}
