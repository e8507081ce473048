package projection_test

import (
	"errors"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/projection"
)

// TestRowsFollowTheSession has a session change between checkpoints that are saved or
// not. Its row must be in the table of its status, and in no other.
func TestRowsFollowTheSession(t *testing.T) {
	t.Parallel()
	lost, recovered := &events.SessionLost{Cause: events.ReasonSourceLost}, &events.SessionRecovered{}
	closed := &events.SessionClosed{Reason: events.ReasonClientClosed}
	for _, c := range []struct {
		name          string
		before, after events.Event // nil for none
		want          string
	}{
		{"goes on", nil, nil, projection.TableLive},
		{"closes", nil, closed, projection.TableClosed},
		{"is lost", nil, lost, projection.TableLost},
		{"recovers", lost, recovered, projection.TableLive},
		{"closes late", lost, closed, projection.TableClosed},
		{"is closed already", closed, nil, projection.TableClosed},
	} {
		for _, f := range []struct {
			name string
			fate func(*scenario, *projection.Checkpoint)
		}{
			{"after it was saved", func(s *scenario, c *projection.Checkpoint) { s.archive.commit(s, c); s.Saved(c) }},
			{"after it was not saved", func(s *scenario, c *projection.Checkpoint) { s.NotSaved(c) }},
			{"after it was saved, but reported failed", func(s *scenario, c *projection.Checkpoint) { s.archive.commit(s, c); s.NotSaved(c) }},
		} {
			t.Run(c.name+" "+f.name, func(t *testing.T) {
				t.Parallel()
				s := newScenario(t)
				s.record(1, opened())
				if c.before != nil {
					s.record(1, c.before)
				}
				f.fate(s, s.State.Checkpoint())
				if c.after != nil {
					s.record(1, c.after)
				}
				s.save()
				equal(t, "tables", strings.Join(s.tablesOf(1), ", "), c.want)
				equal(t, "moment of the loaded state", s.archive.load(t).Moment(), s.Moment())
			})
		}
	}
}

// TestSupersededWhileSaving recovers a session whose old row is in the archive. The row
// is superseded until the next checkpoint is saved.
func TestSupersededWhileSaving(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(1, opened(), &events.SessionLost{Cause: events.ReasonSourceLost})
	lost := s.Lookup(1).Version
	s.save()
	superseded := func(when string, want bool) {
		t.Helper()
		c, err := s.Copy(projection.Selection{Live: true, Lost: true}, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if is := c.Ended.Supersedes(1, lost); is != want {
			t.Errorf("%s it is superseded: %v", when, is)
		}
	}
	superseded("in the archive", false)
	s.record(1, &events.SessionRecovered{})
	superseded("recovered", true)
	c := s.State.Checkpoint()
	superseded("while it is saved", true)
	s.NotSaved(c)
	superseded("when it was not saved", true)
	s.save()
	superseded("when it was saved", false)
}

// TestChangeWhileSaving changes a session while a checkpoint is written. It stays in
// memory, and is in the next checkpoint.
func TestChangeWhileSaving(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(1, opened(), &events.SessionLost{Cause: events.ReasonSourceLost})
	s.record(2, opened())
	c := s.State.Checkpoint()
	s.record(1, &events.SessionClosed{Reason: events.ReasonClientClosed})
	s.archive.commit(t, c)
	s.Saved(c)
	if v := s.Lookup(1); v == nil || v.Status != projection.Closed {
		t.Errorf("session 1 is %v", v)
	}
	equal(t, "tables", s.tablesOf(1), []string{projection.TableLost})
	s.save()
	equal(t, "tables", s.tablesOf(1), []string{projection.TableClosed})
	if v := s.Lookup(1); v != nil {
		t.Errorf("session 1 is still in memory: %v", v)
	}
	if rows := s.State.Checkpoint().Rows(); len(rows) != 1 || rows[0].Table != projection.TableTotals {
		t.Errorf("when nothing has happened the rows are %v", rows)
	}
}

// TestOrderOfRows collects rows: by table, those of sessions by ascending id, and the
// same each time.
func TestOrderOfRows(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	for _, id := range []uint64{300, 2, 70, 1} {
		s.record(id, opened())
	}
	s.record(70, &events.SessionClosed{Reason: events.ReasonLimit})
	c := s.State.Checkpoint()
	rows := c.Rows()
	var got []string
	for i, row := range rows {
		got = append(got, row.Table)
		if i > 0 && row.Table == rows[i-1].Table && string(row.Key) <= string(rows[i-1].Key) {
			t.Errorf("row %x of table %s follows %x", row.Key, row.Table, rows[i-1].Key)
		}
	}
	equal(t, "tables", got, []string{"live", "live", "live", "closed", "services", "totals"})
	equal(t, "rows", c.Rows(), rows)
}

// TestLoadRefuses loads archives with rows that no checkpoint writes. The error names
// the table.
func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	s.record(0, &events.SourceStarted{Source: "gateway"})
	s.record(1, opened(), &events.ConnectionOpened{Connection: 1, Server: "db-1"})
	s.save()
	for _, table := range []string{
		projection.TableLive, projection.TableServices, projection.TableServers, projection.TableSources, projection.TableTotals,
	} {
		load := func(rows func(key, value []byte) (string, []byte)) error {
			_, err := projection.Load(s.archive.position, nil, func(name string, row func(k, v []byte) error) error {
				return s.archive.scan(name, func(key, value []byte) error {
					if name != table {
						return row(key, value)
					}
					k, v := rows(key, value)
					return row([]byte(k), v)
				})
			})
			return err
		}
		if err := load(func(key, value []byte) (string, []byte) { return string(key), value }); err != nil {
			t.Fatal(err)
		}
		if err := load(func(key, value []byte) (string, []byte) { return string(key), append(value[:len(value):len(value)], 0) }); err == nil || !strings.Contains(err.Error(), table) {
			t.Errorf("a byte too much in table %s: error %v", table, err)
		}
		if table == projection.TableLive || table == projection.TableTotals {
			continue
		}
		if err := load(func(_, value []byte) (string, []byte) { return "another", value }); err == nil || !strings.Contains(err.Error(), table) {
			t.Errorf("another name in table %s: error %v", table, err)
		}
	}
	for _, table := range []string{projection.TableServices, projection.TableServers, projection.TableSources} {
		for _, times := range []int{0, 2} {
			_, err := projection.Load(s.archive.position, nil, func(name string, row func(k, v []byte) error) error {
				if name != table {
					return s.archive.scan(name, row)
				}
				return s.archive.scan(name, func(key, value []byte) error {
					for i := range times {
						if err := row(append(key, "xx"[:i]...), value); err != nil {
							return err
						}
					}
					return nil
				})
			})
			if err == nil || !strings.Contains(err.Error(), table) {
				t.Errorf("table %s has %d rows for one name: error %v", table, times, err)
			}
		}
	}
}

// TestErrorsAreHandedOn has the scan and the opening fail. Their errors are returned.
func TestErrorsAreHandedOn(t *testing.T) {
	t.Parallel()
	for _, table := range []string{
		projection.TableLive, projection.TableServices, projection.TableServers, projection.TableSources, projection.TableTotals,
	} {
		_, err := projection.Load(1, nil, func(name string, _ func(k, v []byte) error) error {
			if name == table {
				return errAsked
			}
			return nil
		})
		if !errors.Is(err, errAsked) {
			t.Errorf("scanning table %s: error %v", table, err)
		}
	}
	s := newScenario(t)
	s.record(1, opened())
	c, err := s.Copy(projection.Selection{Live: true}, func() error { return errAsked })
	if !errors.Is(err, errAsked) || len(c.Living) > 0 || c.Moment != s.Moment() {
		t.Errorf("copied %+v, error %v", c, err)
	}
}
