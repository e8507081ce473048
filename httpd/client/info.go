package client

import (
	"context"
	"time"
)

// Info is what the data folder of a server holds.
type Info struct {
	// Log is the identity of the log, Format its format.
	Log    string `json:"log"`
	Format uint32 `json:"format"`
	// Records is the sequence of the last record, From and Until the times of the first and
	// the last one, zero where there is none.
	Records uint64    `json:"records"`
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	// NextSession is the id of the next session.
	NextSession uint64    `json:"next_session"`
	LogBytes    int64     `json:"log_bytes"`
	Segments    []Segment `json:"segments"`
	// Sessions is nil where they are not known, for the reason that ArchiveFault has.
	Sessions     *SessionTotals `json:"sessions,omitempty"`
	ArchiveBytes uint64         `json:"archive_bytes"`
	Tables       []Table        `json:"tables,omitempty"`
	ArchiveFault string         `json:"archive_fault,omitempty"`
}

// Segment is a file of the log. Last is before First in an empty one.
type Segment struct {
	File   string    `json:"file"`
	First  uint64    `json:"first"`
	Last   uint64    `json:"last"`
	Until  time.Time `json:"until,omitzero"`
	Bytes  int64     `json:"bytes"`
	Format uint32    `json:"format"`
	Sealed bool      `json:"sealed"`
}

// Table is a table of the archive. Bytes are those of its keys and values.
type Table struct {
	Name  string `json:"name"`
	Rows  uint64 `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// SessionTotals counts sessions by their status.
type SessionTotals struct {
	Live   uint64 `json:"live"`
	Closed uint64 `json:"closed"`
	Lost   uint64 `json:"lost"`
}

// Info returns what the server's data folder holds, for an administrator.
func (c *Client) Info(ctx context.Context) (*Info, error) {
	var i Info
	_, err := c.get(ctx, "/info", nil, &i)
	return &i, err
}
