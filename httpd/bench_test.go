package httpd_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
)

// The benchmarks below measure two things in turn, in rounds, and report how they
// compare: ratio by the clock, and cpu-ratio by the processor time of this process,
// clients included, which other work on the machine disturbs less.

// cost is the time that something took.
type cost struct{ clock, cpu time.Duration }

// measure adds what f takes to c.
func (c *cost) measure(b *testing.B, f func()) {
	b.Helper()
	began, used := time.Now(), processorTime(b)
	f()
	c.clock += time.Since(began)
	c.cpu += processorTime(b) - used
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportRatios reports c as a multiple of the rate of other.
func (c *cost) reportRatios(b *testing.B, other *cost) {
	b.Helper()
	b.ReportMetric(other.clock.Seconds()/c.clock.Seconds(), "ratio")
	b.ReportMetric(other.cpu.Seconds()/c.cpu.Seconds(), "cpu-ratio")
}

// liveSessions opens n sessions of two backend connections each.
func liveSessions(b *testing.B, r *gatebook.Registry, n int) {
	b.Helper()
	s := startSource(b, r, "edge-1")
	ids := make(chan int)
	var wg sync.WaitGroup
	for range 256 {
		wg.Go(func() {
			for i := range ids {
				id, err := s.Open(b.Context(), events.SessionOpened{
					Service: "orders", Listener: "10.0.0.1:4006", Protocol: "mysql",
					Address: fmt.Sprintf("192.0.2.%d", i%250), Port: uint16(1024 + i%60000),
				})
				if err == nil {
					err = s.Record(b.Context(), id,
						&events.ConnectionOpened{Connection: 1, Server: "db-serv-01"}, &events.ConnectionOpened{Connection: 2, Server: "db-serv-02"},
						&events.SessionReady{User: fmt.Sprintf("user-%d", i%1000), Database: "shop"})
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range n {
		ids <- i
	}
	close(ids)
	wg.Wait()
}

// asker sends one request again and again on a connection and reads its answer,
// which always has the same length.
type asker struct {
	conn    net.Conn
	request []byte
	answer  []byte
}

func newAsker(b *testing.B, address, target string) *asker {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	check(b, err)
	b.Cleanup(func() { conn.Close() })
	a := &asker{conn: conn, request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n\r\n", target, address)}
	_, err = conn.Write(a.request)
	check(b, err)
	var raw bytes.Buffer
	w, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &raw)), nil)
	check(b, err)
	_, err = io.Copy(io.Discard, w.Body)
	check(b, err)
	if w.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s", target, raw.String())
	}
	a.answer = make([]byte, raw.Len())
	return a
}

func (a *asker) ask() error {
	if _, err := a.conn.Write(a.request); err != nil {
		return err
	}
	_, err := io.ReadFull(a.conn, a.answer)
	return err
}

// askAll has all askers ask n times each.
func askAll(b *testing.B, all []*asker, n int) {
	b.Helper()
	var wg sync.WaitGroup
	for _, a := range all {
		wg.Go(func() {
			for range n {
				if err := a.ask(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func askers(b *testing.B, n int, address, target string) []*asker {
	all := make([]*asker, n)
	for i := range all {
		all[i] = newAsker(b, address, target)
	}
	return all
}

// compare asks two addresses in turn and reports how many requests a second each
// answers, and the first as a multiple of the second.
func compare(b *testing.B, one, other []*asker, names [2]string) {
	b.Helper()
	const each = 50
	var first, second cost
	for b.Loop() {
		first.measure(b, func() { askAll(b, one, each) })
		second.measure(b, func() { askAll(b, other, each) })
	}
	total := float64(b.N * each * len(one))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(total/first.clock.Seconds(), names[0]+"/s")
	b.ReportMetric(total/second.clock.Seconds(), names[1]+"/s")
	first.reportRatios(b, &second)
}

// BenchmarkSession compares GET /sessions/:id with the same router answering a
// constant of that size.
func BenchmarkSession(b *testing.B) {
	const clients = 16
	registry := openBook(b, newClock())
	liveSessions(b, registry, 1000)
	source := startSource(b, registry, "gatebook")
	address := serve(b, httpd.Config{Registry: registry, Source: source, RecordAdmin: true})
	body := ask(b, client(b), "GET", "http://"+address+"/sessions/500").body

	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/sessions/:id", func(c *gin.Context) { c.Data(http.StatusOK, "application/json", []byte(body)) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(b, err)
	plain := &http.Server{Handler: engine, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 5 * time.Minute}
	go plain.Serve(l)
	b.Cleanup(func() { check(b, plain.Close()) })

	compare(b, askers(b, clients, address, "/sessions/500"),
		askers(b, clients, l.Addr().String(), "/sessions/500"), [2]string{"session", "constant"})
}

// BenchmarkPage compares a page of 100 over 100,000 live sessions with one over
// 100.
func BenchmarkPage(b *testing.B) {
	const clients = 4
	var all [2][]*asker
	for i, n := range []int{100_000, 100} {
		registry := openBook(b, newClock())
		liveSessions(b, registry, n)
		all[i] = askers(b, clients, serve(b, httpd.Config{Registry: registry}), "/sessions?range=0-99")
	}
	compare(b, all[0], all[1], [2]string{"of-100000", "of-100"})
}

// BenchmarkList compares the list of 100,000 live sessions with a bare transfer of
// as many bytes.
func BenchmarkList(b *testing.B) {
	registry := openBook(b, newClock())
	liveSessions(b, registry, 100_000)
	address := serve(b, httpd.Config{Registry: registry})
	whole := ask(b, client(b), "GET", "http://"+address+"/sessions")
	size := len(whole.body)

	conn, err := net.Dial("tcp", address)
	check(b, err)
	b.Cleanup(func() { conn.Close() })
	request := fmt.Appendf(nil, "GET /sessions HTTP/1.1\r\nHost: %s\r\n\r\n", address)
	bare := bareTransfer(b, size)
	buffer := make([]byte, 256<<10)
	var list, transfer cost
	b.ReportAllocs()
	for b.Loop() {
		list.measure(b, func() {
			_, err := conn.Write(request)
			check(b, err)
			readUntil(b, conn, buffer, "]\n\r\n0\r\n\r\n")
		})
		transfer.measure(b, func() { bare(buffer) })
	}
	mb := float64(b.N*size) / 1e6
	b.ReportMetric(mb/list.clock.Seconds(), "list-MB/s")
	b.ReportMetric(mb/transfer.clock.Seconds(), "bare-MB/s")
	list.reportRatios(b, &transfer)
}

// readUntil reads until the end of an answer.
func readUntil(b *testing.B, conn net.Conn, buffer []byte, end string) {
	b.Helper()
	kept := 0 // bytes of a possible end at the front
	for {
		n, err := conn.Read(buffer[kept:])
		check(b, err)
		n += kept
		if bytes.HasSuffix(buffer[:n], []byte(end)) {
			return
		}
		kept = copy(buffer, buffer[max(n-len(end), 0):n])
	}
}

// bareTransfer returns a function that has size bytes sent to it over the
// loopback, in pieces as the list is.
func bareTransfer(b *testing.B, size int) func(buffer []byte) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(b, err)
	defer l.Close()
	reading, err := net.Dial("tcp", l.Addr().String())
	check(b, err)
	writing, err := l.Accept()
	check(b, err)
	ask := make(chan struct{})
	ctx, quit := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		piece := make([]byte, 32<<10)
		for {
			select {
			case <-ask:
			case <-ctx.Done():
				return
			}
			for left := size; left > 0; left -= len(piece) {
				if _, err := writing.Write(piece[:min(left, len(piece))]); err != nil {
					b.Error(err)
					return
				}
			}
		}
	}()
	b.Cleanup(func() {
		quit()
		reading.Close()
		writing.Close()
		<-done
	})
	return func(buffer []byte) {
		ask <- struct{}{}
		for left := size; left > 0; {
			n, err := reading.Read(buffer[:min(len(buffer), left)])
			check(b, err)
			left -= n
		}
	}
}
