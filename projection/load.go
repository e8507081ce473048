package projection

import (
	"fmt"

	"gatebook/events/wire"
)

// Scan calls row for every row of a table.
type Scan func(table string, row func(key, value []byte) error) error

// Load returns the state that the rows of an archive describe, as of position.
func Load(position uint64, archive ArchiveLookup, scan Scan) (*State, error) {
	s := New(archive)
	s.sequence = position
	s.unsaved.since, s.unsaved.collected, s.unsaved.saved = position, position, position
	s.applied.Store(position)
	l := loader{scan: scan}
	var totals totalsRow
	err := scan(tableTotals, func(_, value []byte) error { return l.decode(value, totals.fields) })
	if err != nil {
		return nil, fmt.Errorf("totals: %w", err)
	}
	s.totals, s.changed, s.recorded, s.lastID = totals.Totals, totals.changed, totals.recorded, totals.lastID
	t := &s.topology
	if err := loadEntities(&l, &t.services, tableServices, totals.services, (*Service).fields); err != nil {
		return nil, err
	}
	if err := loadEntities(&l, &t.servers, tableServers, totals.servers, (*Server).fields); err != nil {
		return nil, err
	}
	if err := loadEntities(&l, &t.sources, tableSources, totals.sources, (*Source).fields); err != nil {
		return nil, err
	}
	for _, v := range t.services.byKey {
		t.countName(v.NamedBy, v.Name, Named{Services: 1})
	}
	for _, v := range t.servers.byKey {
		t.countName(v.NamedBy, v.Name, Named{Servers: 1})
	}
	err = s.loadLive(scan)
	if err != nil {
		return nil, fmt.Errorf("live sessions: %w", err)
	}
	return s, nil
}

// loader decodes rows, with one copy of equal strings.
type loader struct {
	scan    Scan
	strings wire.Strings
}

func (l *loader) decode(value []byte, fields func(*wire.Coder)) error {
	c := wire.NewDecoder(value, &l.strings)
	fields(&c)
	return c.Finish()
}

// loadEntities loads the rows of a table, which must have exactly the keys in order.
func loadEntities[T any](l *loader, e *entities[T], table string, order []string, fields func(*T, *wire.Coder)) error {
	err := l.scan(table, func(key, value []byte) error {
		v := new(T)
		if err := l.decode(value, func(c *wire.Coder) { fields(v, c) }); err != nil {
			return err
		}
		e.byKey[string(key)] = v
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", table, err)
	}
	if len(order) != len(e.byKey) {
		return fmt.Errorf("%s: %d rows, %d are named", table, len(e.byKey), len(order))
	}
	e.order, e.values = order, make([]*T, 0, len(order))
	for _, key := range order {
		v := e.byKey[key]
		if v == nil {
			return fmt.Errorf("%s: no row for %q", table, key)
		}
		e.values = append(e.values, v)
	}
	return nil
}
