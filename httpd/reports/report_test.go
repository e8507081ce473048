package reports

import (
	"errors"
	"net/http"
	"testing"

	"gatebook/events"
	"gatebook/httpd/render"
)

// FuzzReport reads reports. A report that is read keeps to the limit, and one that is refused
// has an answer.
func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"source":"edge-1","incarnation":"a","lease":"30s","number":17,"version":"1","host":"h","events":[
		{"kind":"session_opened","key":"k","occurred":"2026-11-23T07:00:00.25Z","service":"s","type":"cancel","port":1},
		{"kind":"session_closed","key":"k","reason":"killed","connections":[{"connection":1,"statistics":{"reads":1}}]}]}`))
	f.Add([]byte(`{"events":[{"kind":"service_declared","name":"n","listeners":["a"],"servers":["b"]},{"kind":"statistics_observed"}]}`))
	f.Add([]byte(`{"source":"\ud800","source":1}`))
	f.Add([]byte(`{"events":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		const limit = 3
		report, err := Parse(text, limit)
		if err != nil {
			refused, ok := errors.AsType[*render.Failure](err)
			if !ok || refused.Title == "" || refused.Description == "" {
				t.Fatalf("refused with %v", err)
			}
			if s := refused.Status; s != http.StatusBadRequest && s != http.StatusUnprocessableEntity && s != http.StatusRequestEntityTooLarge {
				t.Fatalf("refused with status %d", s)
			}
			return
		}
		if len(report.Events) > limit {
			t.Fatalf("there are %d events", len(report.Events))
		}
		for i := range report.Events {
			if e := report.Events[i].Event; e == nil || e.Kind() == events.Kind(0) {
				t.Fatalf("event %d is nothing", i)
			}
		}
	})
}
