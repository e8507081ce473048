package main_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"gatebook/cmd/gatebook/internal/servertest"
)

// clients log in through the gateway and remember the ports of those whose login
// was acknowledged: these must be in the book whatever happens.
type clients struct {
	t    *testing.T
	to   servertest.Login
	mu   sync.Mutex
	held []*sql.Conn
	pool []*sql.DB
	// acknowledged are the client ports of all logins that succeeded.
	acknowledged map[int]bool
}

// login connects one client and keeps it. It returns whether it succeeded.
func (c *clients) login(ctx context.Context, keep bool) bool {
	config, err := mysql.ParseDSN(c.to.MySQL())
	if err != nil {
		c.t.Error(err)
		return false
	}
	port := 0
	config.Logger = &mysql.NopLogger{}
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			port = conn.LocalAddr().(*net.TCPAddr).Port
		}
		return conn, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		c.t.Error(err)
		return false
	}
	db := sql.OpenDB(connector)
	conn, err := db.Conn(ctx)
	if err == nil {
		err = conn.PingContext(ctx)
	}
	if err != nil {
		_ = db.Close() // the gateway is gone: that is what this test is about
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acknowledged[port] = true
	if !keep {
		_ = conn.Close()
		_ = db.Close()
		return true
	}
	c.held, c.pool = append(c.held, conn), append(c.pool, db)
	return true
}

func (c *clients) close() {
	for _, conn := range c.held {
		_ = conn.Close() // the other end may be gone
	}
	for _, db := range c.pool {
		_ = db.Close()
	}
	c.held, c.pool = nil, nil
}

// Ten times over, the program is killed with a hundred live sessions under load.
// Every session that was acknowledged is in the book, none is invented, those that
// lived are lost with the time they were last seen, no id comes again, and what
// was settled once is not settled again.
func TestKillNine(t *testing.T) {
	server := servertest.StartMariaDB(t, servertest.WithArgs("--max-connections=400"))
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	args := []string{"--config", configure(t, "mysql", server), "--data", filepath.Join(t.TempDir(), "data")}
	settled := make(map[uint64]session) // as the round before left them
	highest := uint64(0)
	for round := range 10 {
		p := serve(t, args...)
		c := &clients{t: t, to: server.Login, acknowledged: make(map[int]bool)}
		c.to.Address, c.to.User, c.to.Password = p.services["orders"], "jdoe", "secret"
		const live = 100
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range live / 4 {
					if !c.login(t.Context(), true) {
						t.Error("a login failed")
					}
				}
			})
		}
		wg.Wait()
		// While others come and go, it is killed.
		ctx, cancel := context.WithCancel(t.Context())
		var came sync.WaitGroup
		for range 4 {
			came.Add(1)
			some := sync.OnceFunc(came.Done)
			wg.Go(func() {
				defer some()
				for n := 0; ctx.Err() == nil && c.login(ctx, false); n++ {
					if n == 5 {
						some()
					}
				}
			})
		}
		came.Wait()
		p.kill()
		cancel()
		wg.Wait()

		p = serve(t, args...)
		checkCrash(t, round, p, c, settled, &highest, live)
		p.kill() // at once again: nothing is settled twice
		p = serve(t, args...)
		for _, s := range p.sessions("all") {
			if before := settled[s.ID]; before.Version != s.Version || before.Status != s.Status {
				t.Errorf("round %d: session %d was %s at %d, is %s at %d after another crash", round, s.ID, before.Status, before.Version, s.Status, s.Version)
			}
		}
		if status := p.stop(); status != 0 {
			t.Fatalf("round %d: stopped with status %d\n%s", round, status, p.stderr)
		}
		c.close()
	}
}

func checkCrash(t *testing.T, round int, p *program, c *clients, settled map[uint64]session, highest *uint64, live int) {
	t.Helper()
	lost, newest := 0, *highest
	ports := make(map[int]bool)
	for _, s := range p.sessions("all") {
		if before, ok := settled[s.ID]; ok {
			if before.Version != s.Version {
				t.Errorf("round %d: session %d of an earlier round changed", round, s.ID)
			}
			continue
		}
		settled[s.ID] = s
		if s.ID <= *highest {
			t.Errorf("round %d: id %d came again or was invented", round, s.ID)
		}
		newest = max(newest, s.ID)
		ports[s.Port] = true
		switch s.Status {
		case "lost":
			lost++
			seen, err := time.Parse(time.RFC3339Nano, deref(s.LastSeen))
			if err != nil || time.Since(seen) > time.Minute || s.Reason != "registry_crashed" {
				t.Errorf("round %d: session %d is lost with reason %q, last seen %q", round, s.ID, s.Reason, deref(s.LastSeen))
			}
		case "closed":
		default:
			t.Errorf("round %d: session %d is %s after a crash", round, s.ID, s.Status)
		}
		if c.acknowledged[s.Port] && (s.User != "jdoe" || s.Address != "127.0.0.1") {
			t.Errorf("round %d: session %d is of %q from %q", round, s.ID, s.User, s.Address)
		}
	}
	for port := range c.acknowledged {
		if !ports[port] {
			t.Errorf("round %d: the client of port %d was let in and is not in the book", round, port)
		}
	}
	t.Logf("round %d: %d logins acknowledged, %d sessions in the book, %d lost", round, len(c.acknowledged), len(ports), lost)
	if lost < live {
		t.Errorf("round %d: %d sessions are lost, %d lived", round, lost, live)
	}
	*highest = newest
}

func deref(s *string) string {
	if s == nil {
		return fmt.Sprint(nil)
	}
	return *s
}
