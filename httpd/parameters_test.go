package httpd

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
	takes := append([]string{paramRole, paramTTL, paramCancel, paramDryRun}, listParameters...)
	f.Fuzz(func(t *testing.T, query string) {
		p, err := parse(query, takes...)
		if err != nil {
			refusal, ok := errors.AsType[*render.Failure](err)
			if !ok || refusal.Status != 400 || refusal.Description == "" {
				t.Fatalf("%q: %v is not for the client", query, err)
			}
			return
		}
		if p.span.skip < 0 || p.span.limit < 0 {
			t.Errorf("%q: a span of %v", query, p.span)
		}
		if q, err := p.query(1_479_999_999_000_000, 0); err == nil && (q.Limit < 0 || q.Filter.Since != 0 && q.Filter.Until != 0 && q.Filter.Since > q.Filter.Until) {
			t.Errorf("%q: asks for %+v", query, q)
		}
		if p.ttl < 0 {
			t.Errorf("%q: lives for %s", query, p.ttl)
		}
		if !p.live && !p.closed && !p.lost {
			t.Errorf("%q: no status", query)
		}
		list := []int{0, 1, 2, 3, 4}
		got := cut(list, p.span)
		for i, v := range got {
			if v != p.span.skip+i {
				t.Errorf("%q: position %d is %d", query, i, v)
			}
		}
		if want := max(len(list)-p.span.skip, 0); p.span.limit > 0 && len(got) != min(want, p.span.limit) {
			t.Errorf("%q: %d in %v", query, len(got), p.span)
		}
	})
}
