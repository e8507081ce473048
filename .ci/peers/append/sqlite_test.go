package peers

import (
	"database/sql"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"gatebook/storage/storagetest"
)

// sqlite is SQLite in WAL mode with synchronous=FULL. One goroutine inserts all that
// waits in one transaction: SQLite has one writer, and a transaction per event would
// measure its lock.
func sqlite(b *testing.B) storagetest.Append {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(b.TempDir(), "events.db")+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE events (sequence INTEGER PRIMARY KEY, value BLOB NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	insert, err := db.Prepare("INSERT INTO events (value) VALUES (?)")
	if err != nil {
		b.Fatal(err)
	}
	g := &group{wake: make(chan struct{}, 1), open: newRound()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range g.wake {
			for r := g.take(); r != nil; r = g.take() {
				r.err = insertAll(db, insert, r.values)
				g.expected = len(r.values)
				close(r.done)
			}
		}
	}()
	b.Cleanup(func() {
		close(g.wake)
		<-ended
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	value := event()
	return func(int, int64) error { return g.append(value) }
}

func insertAll(db *sql.DB, insert *sql.Stmt, values [][]byte) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	in := tx.Stmt(insert)
	for _, v := range values {
		if _, err := in.Exec(v); err != nil {
			_ = tx.Rollback() // the insert's error is the one to tell
			return err
		}
	}
	return tx.Commit()
}

// group gathers what producers append while a transaction is on its way.
type group struct {
	wake     chan struct{}
	expected int // owned by the inserting goroutine

	mu   sync.Mutex // guards open
	open *round
}

// round is what one transaction inserts.
type round struct {
	values [][]byte
	err    error
	done   chan struct{}
}

func newRound() *round { return &round{done: make(chan struct{})} }

func (g *group) append(value []byte) error {
	g.mu.Lock()
	r := g.open
	r.values = append(r.values, value)
	if len(r.values) == 1 {
		select {
		case g.wake <- struct{}{}:
		default:
		}
	}
	g.mu.Unlock()
	<-r.done
	return r.err
}

// take lingers for those who were acknowledged last, and cuts the round; nil when
// nothing waits.
func (g *group) take() *round {
	for range 64 {
		g.mu.Lock()
		n := len(g.open.values)
		g.mu.Unlock()
		if n == 0 || n >= g.expected {
			break
		}
		runtime.Gosched()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	r := g.open
	if len(r.values) == 0 {
		return nil
	}
	g.open = newRound()
	return r
}
