package gateway

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/cmd/gatebook/internal/servertest"
	"gatebook/events"
	"gatebook/projection"
)

// smallDisk mounts a disk of that many megabytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a small disk takes root")
	}
	folder := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", folder).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", folder).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return folder
}

// occupy fills a disk up, and returns the file to remove.
func occupy(t *testing.T, disk string) string {
	t.Helper()
	path := filepath.Join(disk, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			return path
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// guarded is a gateway with a real registry on a small disk, in front of a real server.
type guarded struct {
	*Gateway
	t        *testing.T
	disk     string
	registry *gatebook.Registry
	db       *sql.DB
	login    servertest.Login
}

func newGuarded(t *testing.T, recording Recording, server *servertest.Server) *guarded {
	t.Helper()
	g := &guarded{t: t, disk: smallDisk(t, "16m"), login: server.Login}
	var err error
	if g.registry, err = gatebook.Open(t.Context(), filepath.Join(g.disk, "data"), gatebook.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.registry.Close(); err != nil {
			t.Error(err)
		}
	})
	source, err := g.registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	g.Gateway, err = Start(t.Context(), Config{
		Record:  recording,
		Servers: []Server{{Name: "db1", Address: server.Address}},
		Services: []Service{{
			Name: "front", Protocol: MySQL, Listen: []string{"127.0.0.1:0"}, Servers: []string{"db1"},
			HighWater: DefaultHighWater, LowWater: DefaultLowWater,
		}},
	}, source, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	g.login.Address = g.Addresses("front")[0].String()
	if g.db, err = sql.Open("mysql", g.login.MySQL()); err != nil {
		t.Fatal(err)
	}
	g.db.SetMaxIdleConns(0)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
		defer cancel()
		if err := errors.Join(g.db.Close(), g.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return g
}

// connect opens a session and asks something of it.
func (g *guarded) connect() (*sql.Conn, error) {
	conn, err := g.db.Conn(g.t.Context())
	if err != nil {
		return nil, err
	}
	return conn, ask(g.t, conn)
}

// ask asks the server something over a session.
func ask(t *testing.T, conn *sql.Conn) error {
	var got int
	return conn.QueryRowContext(t.Context(), "SELECT 1").Scan(&got)
}

// fill opens sessions that work.
func (g *guarded) fill(n int) []*sql.Conn {
	g.t.Helper()
	list := make([]*sql.Conn, n)
	for i := range list {
		var err error
		if list[i], err = g.connect(); err != nil {
			g.t.Fatal(err)
		}
	}
	return list
}

// unharmed checks that each session still answers.
func (g *guarded) unharmed(list []*sql.Conn) {
	g.t.Helper()
	for i, conn := range list {
		if err := ask(g.t, conn); err != nil {
			g.t.Fatalf("session %d of %d: %v", i, len(list), err)
		}
	}
}

// await waits until the condition holds.
func (g *guarded) await(what string, holds func() bool) {
	g.t.Helper()
	(&harness{}).await(g.t, what, holds)
}

// TestDiskFull checks that a full disk harms no established session in either mode. In
// strict mode new sessions are refused, in best_effort they are counted; ends are
// recorded when there is space again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t, servertest.WithArgs("--max-connections=3000"))
	for _, recording := range []Recording{RecordStrict, RecordBestEffort} {
		t.Run(string(recording), func(t *testing.T) {
			g := newGuarded(t, recording, server)
			running := g.fill(sessionsOfTests)
			g.await("all are recorded", func() bool { return g.registry.Moment().Live == sessionsOfTests })
			filler := occupy(t, g.disk)
			extra := g.exhaust(recording)
			g.unharmed(running)

			ended := running[:sessionsOfTests/2]
			for _, conn := range ended {
				conn.Close()
			}
			g.await("they are over", func() bool { return len(g.sessions.index.all()) == sessionsOfTests/2+len(extra) })
			g.unharmed(running[len(ended):])
			if n := g.registry.Stats().Deferred; n < len(ended)/2 {
				t.Errorf("%d ends are held", n)
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			g.await("their ends are recorded", func() bool { return g.registry.Stats().Deferred == 0 })
			g.unharmed(running[len(ended):])
			g.unharmed(extra)
			if recording == RecordBestEffort {
				g.await("the gap is recorded", func() bool {
					sessions, lost := g.sessions.record.Missing()
					return sessions+lost == 0
				})
			}
			last := g.fill(1)
			for _, conn := range append(append(running[len(ended):], extra...), last...) {
				conn.Close()
			}
			g.wantAllClosed()
		})
	}
}

// exhaust opens sessions until none can be recorded, and returns those that go on
// unrecorded, or those that were let in before one was refused.
func (g *guarded) exhaust(recording Recording) (extra []*sql.Conn) {
	g.t.Helper()
	for range 5000 {
		conn, err := g.connect()
		switch {
		case err == nil && recording == RecordStrict:
			conn.Close() // its end takes space as well
		case err == nil:
			extra = append(extra, conn)
			if sessions, _ := g.sessions.record.Missing(); sessions >= 3 {
				return extra
			}
		case recording == RecordStrict && strings.Contains(err.Error(), "the session cannot be recorded"):
			return extra
		default:
			g.t.Fatal(err)
		}
	}
	g.t.Fatal("the disk is never full")
	return nil
}

// wantAllClosed checks that each session on the record has ended as its client did.
func (g *guarded) wantAllClosed() {
	g.t.Helper()
	g.await("all sessions are over", func() bool { return g.registry.Moment().Live == 0 && len(g.sessions.index.all()) == 0 })
	found := 0
	for id := range uint64(10_000) {
		v, _, err := g.registry.Session(id + 1)
		if errors.Is(err, gatebook.ErrNotFound) {
			continue // its opening was not recorded
		}
		if err != nil {
			g.t.Fatal(err)
		}
		found++
		end := v.Ending()
		halfway := end.Reason == events.ReasonError && end.Description == "the session could not be recorded"
		if v.Status != projection.Closed || end.Reason != events.ReasonClientClosed && !halfway {
			g.t.Errorf("session %d is %v, ended %+v", id+1, v.Status, end)
		}
	}
	if found <= sessionsOfTests {
		g.t.Errorf("%d sessions are in the book", found)
	}
}
