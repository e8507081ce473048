package httpd

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

const (
	// contentMetrics is the text format of Prometheus.
	contentMetrics = "text/plain"
	// otherLabel stands for what is in no closed list.
	otherLabel = "other"
)

// Metrics are what a server's registry and its requests are measured by. They are made
// before the registry, whose commits they hear of, and belong to one server.
type Metrics struct {
	registry *prometheus.Registry
	records  prometheus.Counter
	commits  prometheus.Histogram
	batches  prometheus.Histogram
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	refused  *prometheus.CounterVec
}

// NewMetrics returns metrics that have measured nothing yet.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		records: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "gatebook_records_appended_total", Help: "Records that were made durable since the process began.",
		}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gatebook_commit_seconds", Help: "How long commits of the log took until they were durable.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "gatebook_commit_records", Help: "How many records a commit of the log held.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 15),
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatebook_http_requests_total", Help: "Requests to the API, by route, method and status code.",
		}, []string{"route", "method", "code"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gatebook_http_request_duration_seconds", Help: "How long requests to the API took, streamed answers included.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10),
		}, []string{"route", "method"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatebook_reports_refused_total",
			Help: "Requests to POST /events, and reports of a stream there, that were refused, by reason: before the registry saw them, or by it.",
		}, []string{"reason"}),
	}
	for _, status := range []int{400, 401, 403, 413, 415, 422, 503, 0} {
		m.refused.WithLabelValues(refusal(status)) // a reason that has not been yet is there as 0
	}
	m.registry.MustRegister(m.records, m.commits, m.batches, m.requests, m.took, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Committed measures a commit of the log. It is for [gatebook.Options].
func (m *Metrics) Committed(records int, took time.Duration) {
	m.records.Add(float64(records))
	m.batches.Observe(float64(records))
	m.commits.Observe(took.Seconds())
}

// requested measures a request. route is one of the router's, "" for none.
func (m *Metrics) requested(route, method string, code int, took time.Duration) {
	if route == "" {
		route = otherLabel
	}
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method) {
		method = otherLabel
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(code)).Inc()
	m.took.WithLabelValues(route, method).Observe(took.Seconds())
}

// refusal is the reason for which a report got that status.
func refusal(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "malformed"
	case http.StatusUnauthorized, http.StatusTooManyRequests:
		return "unauthorized"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusRequestEntityTooLarge:
		return "too_large"
	case http.StatusUnsupportedMediaType:
		return "media_type"
	case http.StatusUnprocessableEntity:
		return "does_not_fit"
	case http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		return "not_recording"
	}
	return otherLabel
}

// reportRefused measures a report that was refused, with that status.
func (m *Metrics) reportRefused(status int) { m.refused.WithLabelValues(refusal(status)).Inc() }

// bookReader is what the metrics of the book are read from.
type bookReader interface {
	Stats() gatebook.Stats
	Services() ([]*projection.Service, projection.Moment)
}

// bookCollector collects the metrics that the registry itself keeps.
type bookCollector struct {
	book    bookReader
	probes  func() uint64 // nil when nobody counts them
	readers func() int

	readersNow, live, total, ended, kills, refused, probed *prometheus.Desc
}

func newBookCollector(book bookReader, probes func() uint64, readers func() int) *bookCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &bookCollector{
		book: book, probes: probes, readers: readers,
		readersNow: desc("gatebook_feed_readers", "Requests that follow the log now."),
		live:       desc("gatebook_sessions", "Live sessions, by declared service and state.", "service", "state"),
		total:      desc("gatebook_service_sessions_total", "Sessions that a declared service ever had, over all runs of the registry.", "service"),
		ended:      desc("gatebook_sessions_ended_total", "Sessions that ended, or whose end was inferred, since the registry was opened, by reason.", "reason"),
		kills:      desc("gatebook_kills_total", "Kills that were requested since the registry was opened."),
		refused:    desc("gatebook_events_refused_total", "Events and reports that contradicted the record and were refused since the registry was opened, whoever they came from."),
		probed:     desc("gatebook_probes_total", "Connections of health checks that the gateway counted instead of recording, since it began."),
	}
}

// Describe is [prometheus.Collector]'s.
func (b *bookCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{b.readersNow, b.live, b.total, b.ended, b.kills, b.refused, b.probed} {
		to <- d
	}
}

// Collect is [prometheus.Collector]'s.
func (b *bookCollector) Collect(to chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	to <- prometheus.MustNewConstMetric(b.readersNow, prometheus.GaugeValue, float64(b.readers()))
	stats := b.book.Stats()
	b.collectServices(to, counter, stats.Live)
	for why := events.ReasonClientClosed; why <= events.ReasonError; why++ {
		counter(b.ended, stats.Ended[why], why.String())
	}
	counter(b.kills, stats.Kills)
	counter(b.refused, stats.Refused)
	if b.probes != nil {
		counter(b.probed, b.probes())
	}
}

// collectServices counts by services that were declared. Those that are known by
// the name in a session alone are counted together, under the empty name.
func (b *bookCollector) collectServices(to chan<- prometheus.Metric, counter func(*prometheus.Desc, uint64, ...string), live map[string]projection.Census) {
	census := make(map[string]projection.Census)
	for name, of := range live {
		census[projection.NameKey(name)] = added(census[projection.NameKey(name)], of)
	}
	services, _ := b.book.Services()
	var others projection.Census
	var total uint64
	for _, v := range services {
		of := census[projection.NameKey(v.Name)]
		if v.Started == 0 {
			others, total = added(others, of), total+v.Total
			continue
		}
		b.collectLive(to, v.Name, of)
		counter(b.total, v.Total, v.Name)
	}
	if total > 0 {
		b.collectLive(to, "", others)
		counter(b.total, total, "")
	}
}

func (b *bookCollector) collectLive(to chan<- prometheus.Metric, service string, of projection.Census) {
	for stage, state := range []string{"accepted", "logging_in", "routing", "stopping"} {
		to <- prometheus.MustNewConstMetric(b.live, prometheus.GaugeValue, float64(of[stage]), service, state)
	}
}

func added(a, b projection.Census) projection.Census {
	for i := range a {
		a[i] += b[i]
	}
	return a
}
