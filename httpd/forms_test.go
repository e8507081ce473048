package httpd_test

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/httpd"
)

const (
	csvType   = "text/csv; charset=utf-8; header=present"
	linesType = "application/x-ndjson"
)

// TestForms requests lists in each of their forms.
func TestForms(t *testing.T) {
	t.Parallel()
	base := "http://" + serve(t, httpd.Config{Registry: fillBook(t, newClock())})
	asker := client(t)
	for _, c := range []struct {
		target, accept, kind, tag, body string
	}{
		{"/sessions?status=lost,closed", "application/x-ndjson", linesType, `"16;ndjson"`, one + "\n" + four + "\n"},
		{"/sessions?status=lost,closed&pretty=true", "application/x-ndjson", linesType, `"16;ndjson"`, one + "\n" + four + "\n"},
		{"/sessions?range=7-8", "application/x-ndjson", linesType, `"16;ndjson"`, ""},
		{
			"/sessions?status=lost,live", "text/csv", csvType, `"16;csv"`,
			"id,state,user,address,service,connected,idle,closed,reason\r\n" +
				"1,Session lost,,2001:db8::1,/services/old-%22service%22%2F%C3%BC,Wed Aug 31 03:03:12 2016,0,Wed Aug 31 03:03:12 2016,registry_crashed\r\n" +
				"2,Session ready for routing,jdoe,192.168.0.200,/services/my-service,Wed Aug 31 03:03:12 2016,260,,\r\n" +
				"3,Session Ready,,192.168.0.201,/services/my-service,Wed Aug 31 03:10:00 2016,1,,\r\n",
		},
		{"/sessions?range=7-8&fields=id", "text/*", csvType, `"16;csv"`, "id\r\n"},
		{
			"/sessions?status=closed&fields=id,by,description,statistics.bytes_read,duration", "text/csv", csvType, `"16;csv"`,
			"id,duration,by,description,statistics.bytes_read\r\n" +
				"4,90.25,gateway,\"it was idle for \"\"90 s\"\"\",90\r\n",
		},
		{"/services?fields=name,servers,listeners", "text/csv;q=1.0, */*;q=0.5", csvType, `"16;csv"`, "name,servers,listeners\r\n" +
			"\"old \"\"service\"\"/ü\",,\r\nMy Service,\"/servers/db-serv-01, /servers/db-serv-02\",0.0.0.0:4006\r\n"},
		{"/sources?fields=name,version", "text/csv", csvType, `"5;csv"`, "name,version\r\nedge-0,\r\nedge-1,1.2\r\n"},
		{"/sessions/1/connections", "text/csv", csvType, `"3;csv"`, "state,role,server,service,statistics.reads,statistics.writes,statistics.buffered_writes,statistics.high_water_events,statistics.low_water_events\r\n"},
	} {
		got := ask(t, asker, "GET", base+c.target, "Accept: "+c.accept)
		if got.status != 200 || got.header.Get("Content-Type") != c.kind || got.header.Get("ETag") != c.tag || got.body != c.body {
			t.Errorf("%s as %s: got %d %v\n%s\nwant\n%s", c.target, c.accept, got.status, got.header, got.body, c.body)
		}
		head := ask(t, asker, "HEAD", base+c.target, "Accept: "+c.accept)
		for _, name := range []string{"Content-Type", "Content-Length", "ETag", "X-Total-Count"} {
			if head.header.Get(name) != got.header.Get(name) {
				t.Errorf("%s as %s: %s is %q, of HEAD %q", c.target, c.accept, name, got.header.Get(name), head.header.Get(name))
			}
		}
		if got := ask(t, asker, "GET", base+c.target, "Accept: "+c.accept, "If-None-Match: "+c.tag); got.status != 304 || got.header.Get("ETag") != c.tag {
			t.Errorf("%s as %s, known: got %+v", c.target, c.accept, got)
		}
	}
	if got := ask(t, asker, "GET", base+"/sessions/2", "Accept: text/csv"); got.status != 406 {
		t.Errorf("one session as CSV: got %d", got.status)
	}
}

// TestCellsAreWhole writes the characters that CSV, spreadsheets and JSON treat specially, and
// reads them back.
func TestCellsAreWhole(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	s := startSource(t, registry, "edge-1")
	texts := map[string]string{
		"plain": "plain", "a,b": "a,b", `"quoted"`: `"quoted"`, "two\r\nlines": "two\r\nlines", "null": "null", "[]": "[]", "\\u0041": "\\u0041",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "=\"a\",b": "'=\"a\",b", "ü\u2028\x00": "ü\u2028\x00", "\xff": "\ufffd",
		// Control characters, with a formula behind them or without one.
		"\t1": "'\t1", "\r1": "'\r1", "\n1": "'\n1", "\x001": "'\x001", "\x7f1": "'\x7f1", "\v=1": "'\v=1", "\t=1": "'\t'=1",
		// Wide and small forms of the characters that begin a formula.
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠A1": "'＠A1", "﹦1": "'﹦1", "﹢1": "'﹢1", "﹣1": "'﹣1", "﹫A1": "'﹫A1",
		// Characters that programs drop before they look.
		" =1": "' =1", "\u00a0+1": "'\u00a0+1", "\u3000＝1": "'\u3000＝1", "\ufeff@A1": "'\ufeff@A1", "\u200b-1": "'\u200b-1", `"=1"`: `'"=1"`, ` "" =1`: `' "" =1`,
		// Separators of programs that do not separate by commas.
		"a;=1": "a;'=1", "a;b": "a;b", "a\t@A1": "a\t'@A1", "a\n=1": "a\n'=1", "a; +1;b;-2": "a;' +1;b;'-2", "a\r\n=1": "a\r\n'=1",
		// No formulas.
		" a": " a", "a=1": "a=1", "'=1": "'=1", "“=1”": "“=1”", "１": "１", " ": " ", "ä-1": "ä-1", "a,=1": "a,=1",
	}
	var users []string
	for user := range texts {
		id := open(t, s, events.SessionOpened{Service: "orders"})
		check(t, s.Record(t.Context(), id, &events.SessionReady{User: user}))
		users = append(users, user)
	}
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	got := ask(t, client(t), "GET", base+"/sessions?fields=user", "Accept: text/csv")
	for user, cell := range texts {
		if cell != user && strings.Contains(cell, "'") && !strings.Contains(got.body, "\r\n\""+strings.ReplaceAll(cell, `"`, `""`)+"\"\r\n") {
			t.Errorf("%q is not quoted in %q", user, got.body)
		}
	}
	// The reader of encoding/csv turns \r\n in a cell into \n.
	rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
	check(t, err)
	for i, user := range users {
		if want := strings.ReplaceAll(texts[user], "\r\n", "\n"); len(rows) != len(users)+1 || rows[i+1][0] != want {
			t.Errorf("%q is %q", user, rows)
		}
	}
}

// TestCompression compares compressed answers and their headers with uncompressed ones.
func TestCompression(t *testing.T) {
	t.Parallel()
	const n = 1000
	registry := openBook(t, newClock())
	manySessions(t, registry, n)
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	asker := client(t)
	for _, c := range []struct {
		target, encoding string
		zipped           bool
	}{
		{"/sessions?status=all", "gzip", true},
		{"/sessions?status=all", "br, gzip;q=0.8", true},
		{"/sessions?status=all", "identity", false},
		{"/sessions?status=all&range=0-9", "gzip", true},
		{"/sessions?status=all&range=0-0", "gzip", false}, // not worth it
		{"/sessions?status=all&range=0-0", "gzip, identity;q=0", true},
		{"/sessions/2", "gzip", false},
		{"/sessions/2", "gzip, *;q=0", true},
		{"/openapi.yaml", "gzip", true},
	} {
		plain := ask(t, asker, "GET", base+c.target)
		got := ask(t, asker, "GET", base+c.target, "Accept-Encoding: "+c.encoding)
		if zipped := got.header.Get("Content-Encoding") == "gzip"; zipped != c.zipped {
			t.Errorf("%s with %s: compressed is %v", c.target, c.encoding, zipped)
			continue
		}
		tag, body := plain.header.Get("ETag"), got.body
		if c.zipped {
			tag = strings.TrimSuffix(tag, `"`) + `;gzip"`
			zip, err := gzip.NewReader(strings.NewReader(got.body))
			check(t, err)
			text, err := io.ReadAll(zip)
			check(t, err)
			body = string(text)
		}
		if got.header.Get("ETag") != tag || body != plain.body || len(got.body) > len(plain.body)+64 {
			t.Errorf("%s with %s: got %v, %d bytes of %d", c.target, c.encoding, got.header, len(body), len(plain.body))
		}
		head := ask(t, asker, "HEAD", base+c.target, "Accept-Encoding: "+c.encoding)
		if fmt.Sprint(head.header["Content-Encoding"], head.header["Etag"]) != fmt.Sprint(got.header["Content-Encoding"], got.header["Etag"]) {
			t.Errorf("%s with %s: HEAD says %v, GET %v", c.target, c.encoding, head.header, got.header)
		}
		if again := ask(t, asker, "GET", base+c.target, "Accept-Encoding: "+c.encoding, "If-None-Match: "+tag); again.status != 304 || again.header.Get("ETag") != tag {
			t.Errorf("%s with %s, known: got %d %v", c.target, c.encoding, again.status, again.header)
		}
	}
	if got := ask(t, asker, "GET", base+"/sessions", "Accept-Encoding: *;q=0"); got.status != 406 || !strings.Contains(got.body, "rules out both") {
		t.Errorf("no coding at all: got %+v", got)
	}
	// Long lists come in pieces, in every form.
	for accept, lines := range map[string]int{"text/csv": n + 1, "application/x-ndjson": n} {
		got := ask(t, asker, "GET", base+"/sessions?status=all&fields=id,servers", "Accept: "+accept)
		if strings.Count(got.body, "\n") != lines {
			t.Errorf("%s: %d lines", accept, strings.Count(got.body, "\n"))
		}
	}
}
