package httpd

import "time"

// Limits bound what clients may take of the server. One that is 0 has its default.
type Limits struct {
	// RequestLine is how many bytes a request line may have, 8 KiB; Headers how many
	// all headers, 32 KiB, which net/http answers by itself.
	RequestLine, Headers int
	// HeaderTime is how long the headers of a request may take to come, 10 s; BodyTime
	// how long a body may, 30 s, unless it is a stream of reports.
	HeaderTime, BodyTime time.Duration
	// Connections is how many there may be at a time, 4,096, and ConnectionsPerAddress
	// how many of one client's address, 2,048.
	Connections, ConnectionsPerAddress int
	// ReportBytes and ReportEvents are how much one report may hold, 16 MiB and 10,000.
	ReportBytes, ReportEvents int
}

// orDefaults fills in what is not given.
func (l Limits) orDefaults() Limits {
	l.RequestLine, l.Headers = orDefault(l.RequestLine, 8<<10), orDefault(l.Headers, 32<<10)
	l.HeaderTime, l.BodyTime = orDefault(l.HeaderTime, 10*time.Second), orDefault(l.BodyTime, 30*time.Second)
	l.Connections, l.ConnectionsPerAddress = orDefault(l.Connections, 4096), orDefault(l.ConnectionsPerAddress, 2048)
	l.ReportBytes, l.ReportEvents = orDefault(l.ReportBytes, 16<<20), orDefault(l.ReportEvents, 10_000)
	return l
}
