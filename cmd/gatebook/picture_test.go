//go:build picture

package main_test

import (
	"context"
	"database/sql"
	"encoding/xml"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/cmd/gatebook/internal/table"
)

// TestPicture makes docs/top.svg, the picture of the live view in the README: of a real run
// before a real MariaDB, with clients that are busy in different ways.
func TestPicture(t *testing.T) {
	login := servertest.StartMariaDB(t).Login
	folder := t.TempDir()
	config := filepath.Join(folder, "gatebook.toml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, `record_admin = false
[servers.db-1]
address = %[1]q
[servers.db-2]
address = %[1]q
[services.orders]
protocol = "mysql"
listen = ["127.0.0.1:0"]
servers = ["db-1"]
[services.reports]
protocol = "mysql"
listen = ["127.0.0.1:0"]
servers = ["db-2"]
`, login.Address), 0o600))
	p := serve(t, "--config", config, "--data", filepath.Join(folder, "data"))
	root, err := sql.Open("mysql", login.MySQL())
	must(t, err)
	t.Cleanup(func() { _ = root.Close() })
	_, err = root.ExecContext(t.Context(), "CREATE DATABASE IF NOT EXISTS shop")
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	users := []string{"checkout", "jdoe", "nightly", "müller", "search", "billing", "grafana", "ann", "warehouse", "exports"}
	for i, user := range users {
		_, err := root.ExecContext(ctx, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY 'secret'", user))
		must(t, err)
		_, err = root.ExecContext(ctx, fmt.Sprintf("GRANT ALL ON shop.* TO '%s'@'%%'", user))
		must(t, err)
		service := "orders"
		if i%3 == 2 {
			service = "reports"
		}
		for range 1 + (len(users)-i)/5 {
			db, err := sql.Open("mysql", user+":secret@"+from(i)+"("+p.services[service]+")/shop")
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			go keepBusy(ctx, db, i)
		}
	}
	s := onScreen(t, 104, 24, "exec env -u NO_COLOR "+binary+" top --url "+p.api)
	s.shows("live, by rate")
	time.Sleep(30 * time.Second) // so that the history is full
	s.press("Down", "Down")
	picture := s.tmux("capture-pane", "-p", "-e")
	must(t, os.WriteFile(filepath.Join("..", "..", "docs", "top.svg"), []byte(svgOf(picture, 104, 24, p.api)), 0o644))
}

// from returns the name of a network of the driver whose clients have an address of their own.
func from(n int) string {
	name := fmt.Sprint("from", n)
	local := &net.TCPAddr{IP: net.IPv4(127, 0, byte(n), 40)}
	mysql.RegisterDialContext(name, func(ctx context.Context, address string) (net.Conn, error) {
		return (&net.Dialer{LocalAddr: local}).DialContext(ctx, "tcp", address)
	})
	return name
}

// keepBusy sends queries until ctx ends, in a manner of the client's own: in bursts, long ones,
// or seldom.
func keepBusy(ctx context.Context, db *sql.DB, manner int) {
	db.SetMaxOpenConns(1)
	for n := 0; ctx.Err() == nil; n++ {
		size := 20 << (manner % 8)
		statement := fmt.Sprintf("SELECT REPEAT('x', %d)", size)
		if manner == 2 {
			statement = "SELECT SLEEP(3)"
		}
		_, _ = db.ExecContext(ctx, statement) // it fails when ctx ends
		pause := time.Duration(1+manner*manner) * time.Millisecond
		if manner > 7 {
			pause = 10 * time.Second
		}
		if n/200%3 == manner%3 {
			pause *= 4
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// svgOf returns a picture of a screen with the colours that it has.
func svgOf(screen string, columns, lines int, address string) string {
	const wide, high, edge = 8.43, 19, 14
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" role="img" aria-label="gatebook top: the live sessions, the busiest first">
<rect width="100%%" height="100%%" rx="8" fill="#16181d"/>
<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#d7dae0">
`, float64(columns)*wide+2*edge, lines*high+2*edge)
	// The address is as long as the usual one, so that the columns stay.
	screen = strings.ReplaceAll(screen, address, "http://127.0.0.1:8989")
	for i, line := range strings.Split(strings.TrimRight(screen, "\n"), "\n") {
		column, colour := 0, ""
		for line != "" {
			if rest, escaped := strings.CutPrefix(line, "\x1b["); escaped {
				codes, after, _ := strings.Cut(rest, "m")
				colour, line = colourOfCodes(codes, colour), after
				continue
			}
			text, _, _ := strings.Cut(line, "\x1b")
			line = line[len(text):]
			writeRun(&b, text, edge+float64(column)*wide, edge+(i+1)*high-5, wide, colour)
			column += table.Width(text)
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}

// writeRun writes a piece of a line. What blanks separate is placed by itself, so that columns
// are aligned in any font.
func writeRun(b *strings.Builder, text string, x float64, y int, wide float64, colour string) {
	fill := ""
	if colour != "" {
		fill = ` fill="` + colour + `"`
	}
	column := 0
	for _, word := range strings.SplitAfter(text, " ") {
		if shown := strings.TrimSpace(word); shown != "" {
			fmt.Fprintf(b, `<text x="%.1f" y="%d" textLength="%.1f"%s>`, x+float64(column)*wide, y, float64(table.Width(shown))*wide, fill)
			_ = xml.EscapeText(b, []byte(shown)) // a builder takes all
			b.WriteString("</text>\n")
		}
		column += table.Width(word)
	}
}

// colourOfCodes returns the colour after an escape sequence.
func colourOfCodes(codes, now string) string {
	for code := range strings.SplitSeq(codes, ";") {
		switch code {
		case "", "0", "39":
			now = ""
		case "31":
			now = "#f2777a"
		case "32":
			now = "#99cc99"
		case "33":
			now = "#ffcc66"
		case "2":
			now = "#8a8f98"
		}
	}
	return now
}
