package telemetry

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// otherLabel stands for every value that is in no closed list.
const otherLabel = "other"

// Metrics measures a registry and the requests of its server.
type Metrics struct {
	registry *prometheus.Registry
	records  prometheus.Counter
	commits  prometheus.Histogram
	batches  prometheus.Histogram
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	panics   atomic.Pointer[func() uint64] // nil until CountPanics
}

// NewMetrics returns metrics that have measured nothing.
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
		m.refused.WithLabelValues(refusal(status)) // each reason is shown from the beginning
	}
	panics := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "gatebook_gateway_panics_total",
		Help: "Panics in the gateway since it began: each ended one session, or a task of the gateway that began again.",
	}, m.countPanics)
	m.registry.MustRegister(m.records, m.commits, m.batches, m.requests, m.took, m.refused, panics,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Committed measures a commit of the log. It is the hook [gatebook.Options.Committed].
func (m *Metrics) Committed(records int, took time.Duration) {
	m.records.Add(float64(records))
	m.batches.Observe(float64(records))
	m.commits.Observe(took.Seconds())
}

// CountPanics sets the function that counts the panics which the gateway has caught. It
// is called whenever the metrics are read; without one there are none.
func (m *Metrics) CountPanics(count func() uint64) { m.panics.Store(&count) }

// countPanics returns how many panics the gateway has caught.
func (m *Metrics) countPanics() float64 {
	if count := m.panics.Load(); count != nil {
		return float64((*count)())
	}
	return 0
}

// Requested measures a request that is over. route is one of the router's, "" for none.
func (m *Metrics) Requested(route, method string, code int, took time.Duration) {
	if route == "" {
		route = otherLabel
	}
	if !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, method) {
		method = otherLabel
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(code)).Inc()
	m.took.WithLabelValues(route, method).Observe(took.Seconds())
}

// refusal returns the reason for which a report was refused with that status.
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

// Built shows of which version and revision the program is, and with which Go it was built.
func (m *Metrics) Built(version, revision, golang string) error {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "gatebook_build_info", Help: "Always 1; the labels say which program runs.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "go": golang},
	})
	info.Set(1)
	if err := m.registry.Register(info); err != nil {
		return fmt.Errorf("register the metric of the build: %w", err)
	}
	return nil
}

// ReportRefused measures a report that was refused with that status.
func (m *Metrics) ReportRefused(status int) { m.refused.WithLabelValues(refusal(status)).Inc() }

// Watch collects the metrics that the registry keeps, whenever the metrics are read.
func (m *Metrics) Watch(from Registry, probes func() uint64, followers func() int) error {
	if err := m.registry.Register(newCollector(from, probes, followers)); err != nil {
		return fmt.Errorf("register the metrics of the registry: %w", err)
	}
	return nil
}

// WriteText writes the metrics in the text format of Prometheus.
func (m *Metrics) WriteText(w io.Writer) error {
	families, err := m.registry.Gather()
	if err != nil {
		return fmt.Errorf("gather the metrics: %w", err)
	}
	encoder := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return fmt.Errorf("write the metrics: %w", err)
		}
	}
	return nil
}
