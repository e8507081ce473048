package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// TestChart compares the live chart with the API: how many sessions there are, how many have
// opened in each second, before the page was there too, and how many bytes were moved.
func TestChart(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.crowd(0, 30)
	s.endCrowd(0, 4)
	p := open(t, s.base())
	p.until(`document.querySelector(".status")?.dataset.state === "live"`)
	var clients []*client
	for range 3 {
		clients = append(clients, s.mariaDB())
	}
	clients = append(clients, s.postgres())
	for i, c := range clients {
		for range i + 2 {
			c.query(fmt.Sprintf("SELECT REPEAT('x', %d)", 300_000*(i+1)))
		}
	}
	clients[1].close()
	s.crowd(30, 25)
	s.endCrowd(10, 8)

	const live, opened = 30 - 4 + 3 + 25 - 8, 30 + 4 + 25
	type session struct {
		Service    string
		Status     string
		Statistics struct {
			Read    float64 `json:"bytes_read"`
			Written float64 `json:"bytes_written"`
		}
	}
	// api returns what the API says of all sessions but those of its own clients.
	api := func() (living, all int, bytes float64) {
		var found []session
		check(t, json.Unmarshal([]byte(s.get("sessions?status=all&fields=service,status,statistics.bytes_read,statistics.bytes_written")), &found))
		for _, one := range found {
			if one.Service == "/services/gatebook" {
				continue
			}
			all++
			bytes += one.Statistics.Read + one.Statistics.Written
			if one.Status == "live" {
				living++
			}
		}
		return living, all, bytes
	}
	eventually(t, "the API has all sessions", func() bool {
		living, all, bytes := api()
		return living == live && all == opened && bytes > 300_000*(2+2*3+3*4+4*5)
	}, func() string {
		living, all, bytes := api()
		return fmt.Sprintf("%d live of %d, %.0f bytes", living, all, bytes)
	})
	var shown [3]float64
	eventually(t, "the chart has what the API has", func() bool {
		sessions, openings, moved := p.lane("Sessions"), p.lane("Openings a second"), p.lane("Throughput")
		_, _, bytes := api()
		shown = [3]float64{sessions[len(sessions)-1], sum(openings), sum(moved)}
		// Each second's throughput is written with three digits.
		return len(sessions) == 300 && shown[0] == live && shown[1] == opened && math.Abs(shown[2]-bytes) < 0.02*bytes
	}, func() string {
		living, all, bytes := api()
		return fmt.Sprintf("the chart has %.0f sessions, %.0f openings, %.0f bytes; the API %d, %d, %.0f", shown[0], shown[1], shown[2], living, all, bytes)
	})
	// The total beside the table, and the head of the page, are the same.
	p.until(fmt.Sprintf(`document.querySelector(".total").innerText === "%d live sessions" && document.querySelector(".status").innerText === "%d live"`, live, live))
	if sessions := p.lane("Sessions"); sessions[0] != 0 {
		t.Errorf("five minutes ago, before the book, there were %.0f sessions", sessions[0])
	}
}

// TestChartCut cuts the page off while sessions open and end: afterwards the chart has each in
// the second in which it happened, and does not know how much was moved meanwhile.
func TestChartCut(t *testing.T) {
	t.Parallel()
	s := serve(t)
	f := newFaulty(t, s)
	t.Cleanup(func() { f.set(false, false) })
	p := open(t, f.address)
	p.allow("status of 500", "Failed to load resource: net::ERR_")
	s.crowd(0, 5)
	p.until(`document.querySelector(".total").innerText === "5 live sessions"`)
	f.set(false, true)
	f.cut()
	p.until(`document.querySelector(".banner:not([hidden])")`)
	s.crowd(5, 20)
	began := time.Now()
	eventually(t, "seconds have passed", func() bool { return time.Since(began) > 3500*time.Millisecond })
	s.endCrowd(0, 10)
	f.set(false, false)
	p.press("Try now")
	p.until(`document.querySelector(".total").innerText === "15 live sessions"`)
	var openings, moved, living []float64
	eventually(t, "the chart has what happened when it happened", func() bool {
		openings, moved, living = p.lane("Openings a second"), p.lane("Throughput"), p.lane("Sessions")
		most, at := 0.0, 0
		for i, n := range openings {
			if n > most {
				most, at = n, i
			}
		}
		last := len(living) - 1
		// The crowd that came while the page was cut off is seconds before its end.
		return sum(openings) == 25 && living[last] == 15 && at < last-2 && living[at] == 25 && living[at+2] == 25 && moved[at] == -1 && moved[last] == 0
	}, func() string {
		return fmt.Sprintf("openings %v, moved %v, sessions %v", openings[270:], moved[270:], living[270:])
	})
}

// lane points at each second of a picture of the chart, and returns what is shown of it; -1
// where that is not known.
func (p *tab) lane(title string) []float64 {
	p.t.Helper()
	texts := value[[]string](p, fmt.Sprintf(`(() => {
		const lane = [...document.querySelectorAll(".spark")].find((f) => f.querySelector("figcaption span").innerText === %q);
		const picture = lane.querySelector("svg");
		const { left, top, width } = picture.getBoundingClientRect();
		const all = [];
		for (let i = 0; i < 300; i++) {
			picture.dispatchEvent(new PointerEvent("pointermove", { clientX: left + ((i + 0.5) / 300) * width, clientY: top + 5 }));
			all.push(lane.querySelector("strong").innerText);
		}
		picture.dispatchEvent(new PointerEvent("pointerleave"));
		return all;
	})()`, title))
	all := make([]float64, len(texts))
	for i, text := range texts {
		all[i] = amount(p.t, text)
	}
	return all
}

// amount reads a number as the page writes it, -1 for none.
func amount(t testing.TB, text string) float64 {
	t.Helper()
	if text == "–" {
		return -1
	}
	number, unit, _ := strings.Cut(strings.ReplaceAll(text, "\u202f", ""), " ")
	var n float64
	_, err := fmt.Sscan(number, &n)
	check(t, err)
	switch strings.TrimSuffix(unit, "/s") {
	case "kB":
		n *= 1e3
	case "MB":
		n *= 1e6
	case "GB":
		n *= 1e9
	}
	return n
}

// sum returns the sum of what is known.
func sum(all []float64) (n float64) {
	for _, one := range all {
		n += max(0, one)
	}
	return n
}
