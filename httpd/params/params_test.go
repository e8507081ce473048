package params

import (
	"errors"
	"testing"

	"gatebook/httpd/render"
)

func FuzzParse(f *testing.F) {
	for _, query := range []string{
		"", "range=0-9", "range=9-0", "range=1-99999999999999999999", "status=live,lost&status=all", "fields=a,b.c&fields=d",
		"pretty=true&role=all&reason=x%20y", "fields=", "&&=", "range=%30-%31", "a;b", "range=0-9&range=0-9", "status",
		"user=a&user=&service=B&server=c&source=d&by=e&reason=killed", "address=10.0.0.0/8&address=::1&address=::ffff:1.2.3.4/104",
		"since=24h&until=2026-11-23T07:00:00+01:00&at=57", "at=2026-11-23T07:00:00.5Z", "sort=-ended&limit=10&after=3&count=true", "since=1d12h&until=99999d",
		"ttl=5&cancel=false&dry_run=true", "ttl=1d",
	} {
		f.Add(query)
	}
	takes := append([]string{Role, TTL, Cancel, DryRun}, OfSessions()...)
	f.Fuzz(func(t *testing.T, query string) {
		p, err := Parse(query, takes...)
		if err != nil {
			refusal, ok := errors.AsType[*render.Failure](err)
			if !ok || refusal.Status != 400 || refusal.Description == "" {
				t.Fatalf("%q: %v is not for the client", query, err)
			}
			return
		}
		skip, limit := p.Query.Skip, p.Query.Limit
		if skip < 0 || limit < 0 {
			t.Errorf("%q: skips %d, at most %d", query, skip, limit)
		}
		if q, err := p.QueryAsOf(1_479_999_999_000_000, 0); err == nil && (q.Limit < 0 || q.Filter.Since != 0 && q.Filter.Until != 0 && q.Filter.Since > q.Filter.Until) {
			t.Errorf("%q: asks for %+v", query, q)
		}
		if p.TTL < 0 {
			t.Errorf("%q: lives for %s", query, p.TTL)
		}
		if !p.Query.Live && !p.Query.Closed && !p.Query.Lost {
			t.Errorf("%q: no status", query)
		}
		list := []int{0, 1, 2, 3, 4}
		got := Part(&p, list)
		for i, v := range got {
			if v != skip+i {
				t.Errorf("%q: position %d is %d", query, i, v)
			}
		}
		if want := max(len(list)-skip, 0); limit > 0 && len(got) != min(want, limit) {
			t.Errorf("%q: %d after %d, at most %d", query, len(got), skip, limit)
		}
	})
}
