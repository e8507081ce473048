package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// TestBook sees what the book says of itself: that it records, its head and size, its sources
// with their leases, its servers over a day, and what came and went.
func TestBook(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.mariaDB()
	s.report(`{"source":"edge-1","incarnation":"1","lease":"90m","host":"rack-7","version":"2.4","events":[]}`)
	p := open(t, s.base()+"#/book")
	p.until(`document.querySelector(".tile.good .value").innerText === "ready"`)
	p.until(`["Head", "Size", "Growth", "Program"].every((title) => document.querySelector(".tiles").innerText.includes(title))`)
	p.until(`[...document.querySelectorAll("tr")].some((row) => ["edge-1", "rack-7", "2.4", "1h30m0s", "nothing"].every((part) => row.innerText.includes(part)))`)
	p.shows("source started")
	p.until(`document.querySelector(".serverday .band.running")`)
	p.until(`[...document.querySelectorAll(".serverday")].some((day) => day.innerText.includes("db-1") && day.innerText.includes("running"))`)
}

// TestBookDown takes a server away and brings it back: its day has a band for the time that it
// was down, at the times that the log has.
func TestBookDown(t *testing.T) {
	t.Parallel()
	address := free(t)
	echo, err := net.Listen("tcp", address)
	check(t, err)
	go answer(echo)
	entry := free(t)
	s := serveWith(t, fmt.Sprintf("[servers.echo]\naddress = %q\n[services.echo]\nprotocol = \"tcp\"\nlisten = [%q]\nservers = [\"echo\"]\n", address, entry))
	p := open(t, s.base()+"#/book")
	reach := func() {
		if c, err := net.Dial("tcp", entry); err == nil {
			_, _ = c.Write([]byte("x"))
			_, _ = c.Read(make([]byte, 1))
			_ = c.Close()
		}
	}
	type change struct {
		Name, State string
		Time        time.Time
	}
	states := func() (all []change) {
		var found []change
		check(t, json.Unmarshal([]byte(s.get("events?kind=server_changed")), &found))
		for _, c := range found {
			if c.Name == "echo" {
				all = append(all, c)
			}
		}
		return all
	}
	last := func(state string) func() bool {
		return func() bool {
			reach()
			all := states()
			return len(all) > 0 && all[len(all)-1].State == state
		}
	}
	eventually(t, "the server runs", last("running"))
	check(t, echo.Close())
	eventually(t, "the server is down", last("down"))
	day := `[...document.querySelectorAll(".serverday")].find((d) => d.innerText.includes("echo"))`
	p.until(day + `?.querySelector(".state").innerText === "down"`)
	down := time.Now()
	eventually(t, "it is down for a while", func() bool { return time.Since(down) > time.Second })
	echo, err = net.Listen("tcp", address)
	check(t, err)
	t.Cleanup(func() { _ = echo.Close() })
	go answer(echo)
	eventually(t, "the server runs again", last("running"))
	p.until(day + `.querySelector(".state").innerText === "running"`)

	// A band for each state of the log, and one for the time before the book.
	kinds := []string{"unknown"}
	for _, c := range states() {
		kinds = append(kinds, c.State)
	}
	p.until(fmt.Sprintf(`[...%s.querySelectorAll(".band")].map((b) => b.classList[1]).join() === %q`, day, strings.Join(kinds, ",")))
	shown := value[[]string](p, `[...`+day+`.querySelectorAll(".band title")].map((t) => t.textContent)`)
	if !strings.HasPrefix(shown[0], "not known from ") {
		t.Errorf("before the book: %q", shown[0])
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	check(t, err)
	for i, c := range states() {
		if want := c.State + " from " + c.Time.In(berlin).Format("15:04:05"); !strings.HasPrefix(shown[i+1], want) {
			t.Errorf("band %d is %q, want %q", i+1, shown[i+1], want)
		}
	}
	if label := value[string](p, day+`.querySelector("svg").getAttribute("aria-label")`); strings.Count(label, "down from") != 1 {
		t.Errorf("to a screen reader the day is %q", label)
	}
}

// answer sends back what clients of a listener send.
func answer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}()
	}
}

// TestBookGap fills the disk under a server that lets sessions go on without a record: the book
// says that it is not ready and why, and afterwards what is missing.
func TestBookGap(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("a small disk cannot be mounted, which takes root and mount(2): %v", err)
	}
	t.Cleanup(func() { check(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	s := serveIn(t, disk, `record = "best_effort"`)
	p := open(t, s.base()+"#/book")
	p.allow("status of 503") // of /ready
	p.until(`document.querySelector(".tile.good .value")?.innerText === "ready"`)
	ballast := filepath.Join(disk, "ballast")
	fillDisk(t, ballast)
	eventually(t, "the page says that nothing is recorded, and why", func() bool {
		s.mariaDB().close() // the log may have room for some in its own file
		return value[bool](p, `document.querySelector(".tile.bad .value")?.innerText === "not ready" && document.querySelector(".tile.bad").innerText.toLowerCase().includes("disk")`)
	})
	check(t, os.Remove(ballast))
	var gaps []struct{ Sessions, Events int }
	eventually(t, "the gap is on the record", func() bool {
		check(t, json.Unmarshal([]byte(s.get("events?kind=recording_gap")), &gaps))
		return len(gaps) > 0
	})
	p.until(`document.querySelector(".tile.good .value")?.innerText === "ready"`)
	p.until(fmt.Sprintf(`[...document.querySelectorAll("section[aria-label='Gaps and changes'] tr")].some((row) => row.querySelector(".bad")?.innerText === "gap" && row.innerText.includes(%q))`, plural(gaps[0].Sessions, "session")+" and "+plural(gaps[0].Events, "event")+" could not be recorded"))
	// In all, of perhaps several times.
	eventually(t, "the source has what the API has", func() bool {
		var source struct {
			Sessions int `json:"unrecorded"`
			Events   int `json:"unrecorded_events"`
		}
		check(t, json.Unmarshal([]byte(s.get("sources/gateway?fields=unrecorded,unrecorded_events")), &source))
		want := plural(source.Sessions, "session") + ", " + plural(source.Events, "event")
		return source.Sessions > 0 && value[bool](p, `[...document.querySelectorAll("section[aria-label='Sources'] tr")].some((row) => row.innerText.includes("gateway") && row.innerText.includes(`+quote(want)+`))`)
	})
}

// fillDisk writes a file until its disk is full.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	check(t, err)
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
}

// plural returns a number with the noun that it counts, as the page does below 1,000.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// TestBookGrowth looks at a book that is older than a day by the browser's clock: what has come
// since then is its growth, at the size that a record has on average.
func TestBookGrowth(t *testing.T) {
	t.Parallel()
	s := serve(t)
	p := open(t, s.base()+"#/book")
	p.until(`document.querySelector(".tiles")?.innerText.includes("the book is younger than a day")`)
	then := time.Now()
	eventually(t, "some time has passed", func() bool { return time.Since(then) > 1200*time.Millisecond })
	middle := then.Add(600 * time.Millisecond)
	s.crowd(0, 800)
	s.endCrowd(0, 300)

	// The browser's clock stands where a day ago is the moment before the crowd.
	source := fmt.Sprintf("Date.now = () => %d", middle.Add(24*time.Hour).UnixMilli())
	_, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
	check(t, err)
	p.run(reload())
	answer, _ := s.ask("GET", "sessions?limit=1&fields=id&at="+middle.UTC().Format("2006-01-02T15:04:05.000Z"), "")
	before := number(t, answer.Header.Get("Gatebook-Sequence"))
	tile := func(title string) string {
		return value[string](p, `[...document.querySelectorAll(".tile")].find((t) => t.querySelector("h2").innerText === `+quote(title)+`)?.innerText ?? ""`)
	}
	var want, got string
	eventually(t, "the tiles have what the API says", func() bool {
		answer, _ := s.ask("GET", "sources", "")
		head := number(t, answer.Header.Get("Gatebook-Sequence"))
		size := metric(t, s.get("metrics"), "gatebook_log_bytes")
		daily := size / head * (head - before)
		want = fmt.Sprintf("Head %.0f, %.0f in the last day; growth %s a day", head, head-before, decimal(daily))
		shown := strings.ReplaceAll(tile("Head")+"\n"+tile("Growth"), "\u202f", "")
		got = shown
		return strings.Contains(shown, fmt.Sprintf("%.0f\n", head)) && strings.Contains(shown, fmt.Sprintf("%.0f in the last day", head-before)) &&
			strings.Contains(shown, decimal(daily)+" a day") && strings.Contains(shown, " free: enough for ")
	}, func() string { return fmt.Sprintf("want %s, got %q", want, got) })
}

// number reads a number.
func number(t testing.TB, text string) (n float64) {
	t.Helper()
	_, err := fmt.Sscan(text, &n)
	check(t, err)
	return n
}

// metric returns the value of a metric without labels.
func metric(t testing.TB, text, name string) float64 {
	t.Helper()
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return number(t, rest)
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// decimal returns an amount of bytes as the page writes it.
func decimal(n float64) string {
	units := []string{"B", "kB", "MB", "GB"}
	i := 0
	for n >= 999.5 && i < len(units)-1 {
		n /= 1000
		i++
	}
	if i == 0 || n >= 99.5 {
		return fmt.Sprintf("%.0f %s", n, units[i])
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}
