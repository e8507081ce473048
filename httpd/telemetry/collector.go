package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"gatebook"
	"gatebook/events"
	"gatebook/projection"
)

// Registry is what the metrics of a registry are read from. [gatebook.Registry] is one.
type Registry interface {
	Stats() gatebook.Stats
	Services() ([]*projection.Service, projection.Moment)
	Servers() ([]*projection.Server, projection.Moment)
	Sources() ([]*projection.Source, projection.Moment)
	Err() error
}

// collector reads the metrics that the registry keeps, when the metrics are read.
type collector struct {
	registry Registry
	probes   func() uint64 // nil when probes are not counted
	readers  func() int

	readersNow, live, total, ended, kills, refused, probed *prometheus.Desc

	ready, serverUp, serverConnections, logBytes, archiveBytes, diskFree, diskSize, logFaults, logScrubbed, clockBehind *prometheus.Desc

	signed, unsigned, anchored, anchorFails *prometheus.Desc
}

func newCollector(from Registry, probes func() uint64, readers func() int) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &collector{
		registry: from, probes: probes, readers: readers,
		readersNow: desc("gatebook_feed_readers", "Requests that follow the log now."),
		live:       desc("gatebook_sessions", "Live sessions, by declared service and state.", "service", "state"),
		total:      desc("gatebook_service_sessions_total", "Sessions that a declared service ever had, over all runs of the registry.", "service"),
		ended:      desc("gatebook_sessions_ended_total", "Sessions that ended, or whose end was inferred, since the registry was opened, by reason.", "reason"),
		kills:      desc("gatebook_kills_total", "Kills that were requested since the registry was opened."),
		refused:    desc("gatebook_events_refused_total", "Events and reports that contradicted the record and were refused since the registry was opened, whoever they came from."),
		probed:     desc("gatebook_probes_total", "Connections of health checks that the gateway counted instead of recording, since it began."),

		ready:             desc("gatebook_ready", "1 while records can be made, as /ready says; 0 otherwise."),
		serverUp:          desc("gatebook_server_up", "1 when a declared server answered last, 0 when it did not. A server that nobody has tried has none.", "server"),
		serverConnections: desc("gatebook_server_connections", "Open connections to a declared server.", "server"),
		logBytes:          desc("gatebook_log_bytes", "Size of the log on disk."),
		clockBehind:       desc("gatebook_clock_behind_seconds", "How far the clock stands before the last record, of which it then takes the time."),
		logFaults:         desc("gatebook_log_faults", "Faults that the last reading of the whole log has found, files in which other reads have met one since, and files beside the segments that were removed or replaced."),
		logScrubbed:       desc("gatebook_log_read_through_timestamp_seconds", "When the whole log was last read through in the background, in Unix time."),
		archiveBytes:      desc("gatebook_archive_bytes", "Size of the archive on disk."),
		diskFree:          desc("gatebook_disk_free_bytes", "Free space on the disk of the data folder."),
		signed:            desc("gatebook_head_records", "Records that the newest signed head of the log covers."),
		unsigned:          desc("gatebook_head_failing", "1 while the newest head cannot be written, 0 otherwise."),
		anchored:          desc("gatebook_anchor_records", "Records that the newest head covers that an anchor has kept, since the registry was opened.", "anchor"),
		anchorFails:       desc("gatebook_anchor_failing", "1 while an anchor does not keep heads, 0 otherwise.", "anchor"),
		diskSize:          desc("gatebook_disk_size_bytes", "Size of the disk of the data folder."),
	}
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.readersNow, c.live, c.total, c.ended, c.kills, c.refused, c.probed,
		c.ready, c.serverUp, c.serverConnections, c.logBytes, c.archiveBytes, c.diskFree, c.diskSize, c.logFaults, c.logScrubbed, c.clockBehind,
		c.signed, c.unsigned, c.anchored, c.anchorFails,
	} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(to chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	gauge(c.readersNow, float64(c.readers()))
	gauge(c.ready, oneIf(c.registry.Err() == nil))
	c.collectServers(gauge)
	stats := c.registry.Stats()
	gauge(c.logBytes, float64(stats.Disk.Log))
	gauge(c.archiveBytes, float64(stats.Disk.Archive))
	gauge(c.diskFree, float64(stats.Disk.Free))
	gauge(c.diskSize, float64(stats.Disk.Size))
	gauge(c.clockBehind, stats.ClockBehind.Seconds())
	gauge(c.logFaults, float64(stats.Scrub.Faults))
	if stats.Head.Signed != nil {
		gauge(c.signed, float64(stats.Head.Head.Size))
		gauge(c.unsigned, oneIf(stats.Head.Err != nil))
	}
	for _, a := range stats.Anchors {
		gauge(c.anchored, float64(a.Size), a.Name)
		gauge(c.anchorFails, oneIf(a.Err != nil), a.Name)
	}
	if !stats.Scrub.Finished.IsZero() {
		gauge(c.logScrubbed, float64(stats.Scrub.Finished.Unix()))
	}
	c.collectServices(to, counter, stats.Live)
	for why := events.ReasonClientClosed; why <= events.ReasonError; why++ {
		counter(c.ended, stats.Ended[why], why.String())
	}
	counter(c.kills, stats.Kills)
	counter(c.refused, stats.Refused)
	if c.probes != nil {
		counter(c.probed, c.probes())
	}
}

// mostServers bounds the servers that have metrics: sources outside may declare any number.
const mostServers = 1000

// collectServers collects the metrics of declared servers.
func (c *collector) collectServers(gauge func(*prometheus.Desc, float64, ...string)) {
	servers, _ := c.registry.Servers()
	n := 0
	for _, v := range servers {
		if v.Address == "" { // known by the name in a connection alone
			continue
		}
		if n++; n > mostServers {
			return
		}
		gauge(c.serverConnections, float64(v.Current), v.Name)
		if v.State != events.ServerUnknown {
			gauge(c.serverUp, oneIf(v.State == events.ServerRunning), v.Name)
		}
	}
}

// oneIf returns 1 where something holds, and 0 otherwise.
func oneIf(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// mostOutside bounds the services of sources outside that have metrics of their own.
const mostOutside = 100

// collectServices collects the metrics of each declared service. Services that are known by
// the name in a session alone, and those of sources outside that are too many, are counted
// together, under the empty name.
func (c *collector) collectServices(to chan<- prometheus.Metric, counter func(*prometheus.Desc, uint64, ...string), live map[string]projection.LiveCounts) {
	counts := make(map[string]projection.LiveCounts)
	for name, of := range live {
		counts[projection.NameKey(name)] = added(counts[projection.NameKey(name)], of)
	}
	services, _ := c.registry.Services()
	outside := make(map[string]bool)
	sources, _ := c.registry.Sources()
	for _, v := range sources {
		outside[v.Name] = v.Lease != 0
	}
	var others projection.LiveCounts
	var total uint64
	n := 0 // of sources outside
	for _, v := range services {
		of := counts[projection.NameKey(v.Name)]
		single := v.Started != 0
		if single && outside[v.Source] {
			n++
			single = n <= mostOutside
		}
		if !single {
			others, total = added(others, of), total+v.Total
			continue
		}
		c.collectLive(to, v.Name, of)
		counter(c.total, v.Total, v.Name)
	}
	if total > 0 {
		c.collectLive(to, "", others)
		counter(c.total, total, "")
	}
}

// collectLive collects the live sessions of a service by their state.
func (c *collector) collectLive(to chan<- prometheus.Metric, service string, of projection.LiveCounts) {
	for stage, state := range []string{"accepted", "logging_in", "routing", "stopping"} {
		to <- prometheus.MustNewConstMetric(c.live, prometheus.GaugeValue, float64(of[stage]), service, state)
	}
}

// added returns the sum of two counts.
func added(a, b projection.LiveCounts) projection.LiveCounts {
	for i := range a {
		a[i] += b[i]
	}
	return a
}
