package client

import (
	"net/url"
	"strings"
	"time"
)

// Session is a client connection and what hangs on it, as the server shows it.
type Session struct {
	ID    uint64 `json:"id"`
	State string `json:"state"`
	User  string `json:"user"`
	// Address is the client's, "" where it is not known.
	Address string `json:"address"`
	// Service and Source are links such as /services/orders; [LinkName] gives the names.
	Service string `json:"service"`
	Source  string `json:"source"`
	// Idle is whole seconds since the client was last read from; of an ended session, at
	// its end.
	Idle      int64  `json:"idle"`
	Connected string `json:"connected"`
	Closed    string `json:"closed"`
	// Status is live, closed or lost.
	Status   string    `json:"status"`
	Reason   string    `json:"reason"`
	By       string    `json:"by"`
	Note     string    `json:"description"`
	Type     string    `json:"type"`
	Listener string    `json:"listener"`
	Protocol string    `json:"protocol"`
	Port     uint16    `json:"port"`
	Database string    `json:"database"`
	Program  string    `json:"program"`
	TLS      string    `json:"tls"`
	Subject  string    `json:"subject"`
	Opened   time.Time `json:"opened"`
	Ready    time.Time `json:"ready"`
	Ended    time.Time `json:"ended"`
	LastSeen time.Time `json:"last_seen"`
	// LostAt is when the loss of a lost session was recorded.
	LostAt   time.Time `json:"lost_at"`
	Duration float64   `json:"duration"` // seconds
	Servers  []string  `json:"servers"`  // links
	// Statistics are those of the client's connection.
	Statistics *Statistics `json:"statistics"`
	// Activity is idle or waiting, "" where it is not known, ActivitySince since when.
	Activity      string    `json:"activity"`
	ActivitySince time.Time `json:"activity_since"`
	// Rates are how fast the client connection's counters rise; nil where that is not known.
	Rates *Rates `json:"rates"`
	// Version is the sequence of the session's last change.
	Version uint64 `json:"version"`
	// Gap is the time without a registry that the answer lies in, "" for none.
	Gap string `json:"at_gap"`
}

// Rates are how fast counters rise, per second.
type Rates struct {
	Reads        float64 `json:"reads"`
	Writes       float64 `json:"writes"`
	BytesRead    float64 `json:"bytes_read"`
	BytesWritten float64 `json:"bytes_written"`
}

// Statistics are the counters of a connection since it came.
type Statistics struct {
	Reads           uint64 `json:"reads"`
	Writes          uint64 `json:"writes"`
	BufferedWrites  uint64 `json:"buffered_writes"`
	HighWaterEvents uint64 `json:"high_water_events"`
	LowWaterEvents  uint64 `json:"low_water_events"`
	BytesRead       uint64 `json:"bytes_read"`
	BytesWritten    uint64 `json:"bytes_written"`
}

// Connection is one connection of a session.
type Connection struct {
	// Number is the connection's number in its session; 0 is the client's.
	Number  uint32 `json:"id"`
	State   string `json:"state"`
	Role    string `json:"role"`
	Server  string `json:"server"` // a link
	Service string `json:"service"`
	// ServerID is the server's own number for the connection, 0 where it is not known.
	ServerID   uint64      `json:"connection_id"`
	Opened     time.Time   `json:"opened"`
	Ended      time.Time   `json:"ended"`
	Reason     string      `json:"reason"`
	Statistics *Statistics `json:"statistics"`
	// Gap is the time without a registry that the answer lies in, "" for none.
	Gap string `json:"at_gap"`
}

// Service is what clients connect to.
type Service struct {
	Name      string    `json:"name"`
	Router    string    `json:"router"`
	State     string    `json:"state"`
	Total     uint64    `json:"total_connections"`
	Current   uint64    `json:"current_connections"`
	Started   time.Time `json:"started"`
	Servers   []string  `json:"servers"` // links
	Listeners []string  `json:"listeners"`
}

// Listener is an address that a service takes clients at.
type Listener struct {
	Address  string `json:"address"`
	Port     uint16 `json:"port"`
	Protocol string `json:"protocol"`
	Service  string `json:"service"` // a link
}

// Server is what services lead to.
type Server struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Port     uint16 `json:"port"`
	Protocol string `json:"protocol"`
	// Status is running or down in a list of one, or empty where it is not known.
	Status  []string  `json:"status"`
	Current uint64    `json:"current_connections"`
	Total   uint64    `json:"total_connections"`
	Since   time.Time `json:"since"`
	Cause   string    `json:"cause"`
}

// Source is a program that reports sessions, in its newest incarnation.
type Source struct {
	Name        string    `json:"name"`
	Incarnation string    `json:"incarnation"`
	State       string    `json:"state"`
	Version     string    `json:"version"`
	Host        string    `json:"host"`
	Started     time.Time `json:"started"`
	LastSeen    time.Time `json:"last_seen"`
	// Lease is how long it may be silent, as "1m30s"; "" for one in the registry's own process.
	Lease string `json:"lease"`
	// Account is the account that reports for it, where that has another name.
	Account string `json:"account"`
	// Unrecorded and UnrecordedEvents are what the source let pass without a record, GapFrom
	// and GapUntil the last time in which it did.
	Unrecorded       uint64    `json:"unrecorded"`
	UnrecordedEvents uint64    `json:"unrecorded_events"`
	GapFrom          time.Time `json:"gap_from"`
	GapUntil         time.Time `json:"gap_until"`
}

// Version is the program that answers.
type Version struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Revision string `json:"revision"`
	Time     string `json:"time"`
	Modified bool   `json:"modified"`
}

// LinkName returns the name of the thing that a link such as /services/orders leads to; ""
// for no link.
func LinkName(link string) string {
	name, err := url.PathUnescape(link[strings.LastIndexByte(link, '/')+1:])
	if err != nil {
		return link
	}
	return name
}
