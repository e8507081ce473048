package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// TestReadmePictures writes the pictures that README shows to the folder that E2E_README names:
// of real clients of real databases, which come, work, fail to log in, are ended, and are lost in
// a crash. make pictures runs it.
func TestReadmePictures(t *testing.T) {
	folder := os.Getenv("E2E_README")
	if folder == "" {
		t.Log("E2E_README names no folder for pictures")
		return
	}
	names := []string{"shop-web", "checkout", "inventory", "reporting", "ann", "jdoe"}
	for _, name := range names {
		check(t, shared.mariaDB.AddUser(name, "secret"))
		check(t, shared.postgres.AddUser(name, "secret"))
	}
	s := serve(t)
	work := func(rounds int) {
		var all []*client
		for round := range rounds {
			for i, name := range names {
				if (round+i)%3 == 0 {
					all = append(all, s.postgres(name, "secret"))
				} else {
					all = append(all, s.from(fmt.Sprintf("127.0.0.%d", 10+i+7*(round%3)), name))
				}
			}
			if round%2 == 1 {
				s.failLogin("root")
			}
			for _, c := range all {
				c.query("SELECT 'a few bytes of an answer'")
			}
			for i := range 4 {
				at := (round*5 + i*3) % len(all)
				all[at].close()
				all = append(all[:at], all[at+1:]...)
			}
			pause(t, 400*time.Millisecond)
		}
	}
	work(14)
	s.kill()
	s.start()
	p := open(t, s.base())
	p.resize(1360, 800, false)
	work(14)
	busy := s.from("127.0.0.31", "reporting")
	for range 40 {
		busy.query("SELECT REPEAT('x', 200000)")
		pause(t, 50*time.Millisecond)
	}
	p.prefer("prefers-color-scheme: dark")
	p.goTo("#/history")
	p.until(`document.querySelector(".incident") && document.querySelectorAll(".stay").length > 40`)
	p.settle()
	check(t, os.WriteFile(filepath.Join(folder, "page-history.png"), p.picture(), 0o644))

	p.prefer("prefers-color-scheme: light")
	p.goTo("#/now?sort=-rate")
	row := `[...document.querySelectorAll(".rows .row:not([hidden])")].find((r) => r.innerText.includes("127.0.0.31"))`
	eventually(t, "a session is shown with its traffic", func() bool {
		busy.query("SELECT REPEAT('x', 200000)")
		return value[bool](p, `Boolean(`+row+`?.innerText.includes("B/s"))`)
	})
	p.do(row + `.querySelector("input").click()`)
	p.press("End 1 session …")
	p.enter("dialog input", "runaway report")
	p.key(keyEnter)
	eventually(t, "its end is pending", func() bool {
		busy.query("SELECT REPEAT('x', 200000)")
		return value[bool](p, row+`.innerText.includes("ends in")`)
	})
	check(t, os.WriteFile(filepath.Join(folder, "page-now.png"), p.picture(), 0o644))
}

// from connects a client to the service orders from an address of this machine.
func (s *server) from(address, user string) *client {
	s.t.Helper()
	network := "from-" + address
	mysql.RegisterDialContext(network, func(ctx context.Context, to string) (net.Conn, error) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		return d.DialContext(ctx, "tcp", to)
	})
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr, config.DBName = user, "secret", network, s.mysql, "shop"
	config.ConnectionAttributes = "program_name:" + user
	return connect(s.t, "mysql", config.FormatDSN())
}

// pause lets time pass, which the pictures show.
func pause(t testing.TB, d time.Duration) {
	began := time.Now()
	eventually(t, "time has passed", func() bool { return time.Since(began) > d })
}
