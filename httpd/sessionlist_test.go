package httpd_test

import (
	"net/http"
	"strings"
	"testing"

	"gatebook/httpd"
)

// Lists of sessions have the headers of their own moment, and link to the next page.
func TestSessionLists(t *testing.T) {
	t.Parallel()
	clock := newClock()
	base := "http://" + serve(t, httpd.Config{Registry: fillBook(t, clock)})
	asker := client(t)
	for _, c := range []struct {
		target string
		header map[string]string
		body   string
	}{
		{
			"/sessions?limit=1&count=true",
			map[string]string{"X-Total-Count": "2", "Link": `</sessions?after=2&count=true&limit=1>; rel="next"`, "Gatebook-Sequence": "16"},
			array(two),
		},
		{
			"/sessions?limit=1&after=2",
			map[string]string{},
			array(three),
		},
		{
			"/sessions?limit=2&after=1&status=all",
			map[string]string{"Link": `</sessions?after=3&limit=2&status=all>; rel="next"`},
			array(two, three),
		},
		{
			"/sessions?limit=1&after=4&sort=-ended&status=closed,lost",
			map[string]string{},
			array(one),
		},
		{
			"/sessions?at=2",
			map[string]string{"Gatebook-Sequence": "2", "Etag": `"2"`, "Last-Modified": "Wed, 31 Aug 2016 03:03:12 GMT"},
			array(`{"id":1,"state":"Session Allocated","user":"","address":"2001:db8::1","service":"/services/old-%22service%22%2F%C3%BC","connected":"Wed Aug 31 03:03:12 2016","idle":0}`),
		},
		{
			"/sessions?at=2016-08-31T03:04:12Z&fields=id,user,idle,statistics.reads",
			map[string]string{"Gatebook-Sequence": "12", "Etag": `"12"`},
			array(`{"id":2,"user":"jdoe","idle":60,"statistics":{"reads":0}}`),
		},
		{
			"/sessions?at=8m&fields=id,idle",
			map[string]string{"Gatebook-Sequence": "12"},
			array(`{"id":2,"idle":48}`),
		},
		{
			"/sessions?at=05:04:12&tz=%2B02:00&fields=id,user,idle",
			map[string]string{"Gatebook-Sequence": "12", "Etag": `"12"`},
			array(`{"id":2,"user":"jdoe","idle":60}`),
		},
		{
			"/sessions?at=2016-08-30&status=all",
			map[string]string{"Gatebook-Gap": "../2016-08-31T03:03:12.000000Z", "Gatebook-Sequence": "0"},
			array(),
		},
		{
			"/sessions?until=2016-08-30&fields=id",
			map[string]string{"Etag": `"16"`},
			array(),
		},
		{
			"/sessions?since=2016-08-31+05:11&tz=Europe/Berlin&fields=id&status=closed,lost",
			map[string]string{"Etag": `"16"`},
			array(`{"id":4}`),
		},
		{
			"/sessions?since=03:11&fields=id&status=closed,lost",
			map[string]string{"Etag": ""},
			array(`{"id":4}`),
		},
		{
			"/sessions?since=2016-08-31&until=2016-08-31&fields=id",
			map[string]string{"Etag": `"16"`},
			array(`{"id":1}`, `{"id":2}`, `{"id":3}`, `{"id":4}`),
		},
		{
			"/sessions?at=2016-08-31T03:10:00Z&status=all&count=true&fields=id,status",
			map[string]string{"X-Total-Count": "4"},
			array(`{"id":1,"status":"lost"}`, `{"id":2,"status":"live"}`, `{"id":3,"status":"live"}`, `{"id":4,"status":"live"}`),
		},
		{
			"/sessions?at=2016-08-31T03:03:11Z&status=all",
			map[string]string{"Gatebook-Gap": "../2016-08-31T03:03:12.000000Z", "Gatebook-Sequence": "0"},
			array(),
		},
		{
			"/services/my-service/sessions",
			map[string]string{},
			array(two, three),
		},
		{
			"/services/My%20Service/sessions?status=closed",
			map[string]string{},
			array(four),
		},
		{
			"/servers/db-serv-01/sessions?user=jdoe",
			map[string]string{},
			array(two),
		},
		{
			"/services/my-service/listeners",
			map[string]string{"X-Total-Count": "1"},
			array(`{"address":"0.0.0.0","port":4006,"protocol":"mysql","service":"/services/my-service"}`),
		},
		{
			"/sessions/4?at=2016-08-31T03:11:00Z",
			map[string]string{"Etag": `"15"`},
			`{"id":4,"state":"Session Allocated","user":"","address":"192.168.0.202","service":"/services/my-service","connected":"Wed Aug 31 03:10:00 2016","idle":60}`,
		},
		{
			"/sessions/2/connections?at=10",
			map[string]string{"X-Total-Count": "1", "Gatebook-Sequence": "10"},
			array(failed),
		},
	} {
		got := ask(t, asker, http.MethodGet, base+c.target)
		if got.status != http.StatusOK || got.body != c.body+"\n" {
			t.Errorf("%s: got %d\n%s\nwant\n%s", c.target, got.status, got.body, c.body)
		}
		for _, name := range []string{"X-Total-Count", "Link", "Gatebook-Gap", "Gatebook-Sequence", "Etag", "Last-Modified"} {
			if want, looked := c.header[name], name != "Gatebook-Sequence" && name != "Etag" && name != "Last-Modified"; (looked || want != "") && got.header.Get(name) != want {
				t.Errorf("%s: %s is %q, not %q", c.target, name, got.header.Get(name), want)
			}
		}
	}
	for target, description := range map[string]string{
		"/services/nobody/sessions":           `No service "nobody" is in the book.`,
		"/servers/nobody/sessions":            `No server "nobody" is in the book.`,
		"/services/nobody/listeners":          `No service "nobody" is in the book.`,
		"/sessions/4?at=2016-08-31T03:05:00Z": "No session 4 was in the book by 2016-08-31T03:05:00.000000Z.",
		"/sessions/1?at=2016-08-31T03:00:00Z": "No session 1 was in the book by 2016-08-31T03:00:00.000000Z.",
	} {
		if got := ask(t, asker, http.MethodGet, base+target); got.status != http.StatusNotFound || !strings.Contains(got.body, strings.ReplaceAll(description, `"`, `\"`)) {
			t.Errorf("%s: got %d %s", target, got.status, got.body)
		}
	}
}
