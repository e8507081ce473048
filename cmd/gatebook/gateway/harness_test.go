package gateway

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/postgres"
)

// patienceOfTests limits what a test waits for.
const patienceOfTests = 10 * time.Second

// peer is one end of a connection, in the hands of a test.
type peer struct {
	*net.TCPConn
	t testing.TB
	// hangsUp: the other end may go at any time, which ends the peer's goroutine.
	hangsUp bool
}

func (p peer) send(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.failed(fmt.Sprintf("send: %v", err))
	}
}

// failed ends the peer's goroutine or fails the test.
func (p peer) failed(why string) {
	p.t.Helper()
	if p.hangsUp {
		runtime.Goexit()
	}
	p.t.Fatal(why)
}

// read reads exactly n bytes.
func (p peer) read(n int) []byte {
	p.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(p, b); err != nil {
		p.failed(fmt.Sprintf("read %d bytes: %v", n, err))
	}
	return b
}

// want reads as many bytes as text has and compares.
func (p peer) want(text string) {
	p.t.Helper()
	if got := p.read(len(text)); string(got) != text {
		p.t.Errorf("got %q, want %q", got, text)
	}
}

// wantEnd reads the end of the connection, however it comes. The end of the test's
// patience is none.
func (p peer) wantEnd() {
	p.t.Helper()
	switch n, err := p.Read(make([]byte, 1)); {
	case n != 0 || err == nil:
		p.t.Errorf("got more data instead of the end")
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.t.Errorf("the connection goes on")
	}
}

// packet reads one packet of MySQL.
func (p peer) packet() mysql.Packet {
	p.t.Helper()
	head := p.read(mysql.HeaderSize)
	size, _ := mysql.Frame(head)
	return append(head, p.read(size-mysql.HeaderSize)...)
}

// message reads one message of PostgreSQL.
func (p peer) message() postgres.Message {
	p.t.Helper()
	head := p.read(postgres.HeaderSize)
	size, _ := postgres.Frame(head)
	return append(head, p.read(size-postgres.HeaderSize)...)
}

// startup reads one untyped packet of PostgreSQL.
func (p peer) startup() []byte {
	p.t.Helper()
	head := p.read(4)
	return append(head, p.read(int(binary.BigEndian.Uint32(head))-4)...)
}

// stubServer is a server in the hands of a test.
type stubServer struct {
	listener *net.TCPListener
	talks    sync.WaitGroup
}

// newStubServer listens, and serves each client by talk. A talk ends
// before the test does.
func newStubServer(t testing.TB, talk func(peer)) *stubServer {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	b := &stubServer{listener: listener}
	b.talks.Go(func() {
		for {
			conn, err := listener.AcceptTCP()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(patienceOfTests))
			b.talks.Go(func() {
				defer conn.Close()
				talk(peer{conn, t, true})
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		b.talks.Wait()
	})
	return b
}

func (b *stubServer) address() string { return b.listener.Addr().String() }

// deadAddress returns an address at which nothing listens.
func deadAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// harness is a gateway under test, with one service named front.
type harness struct {
	*Gateway
	recorder *recorderStub
	t        testing.TB
	once     sync.Once
	// record is how the gateway records; change may set it.
	record Recording
	// servers changes each server; change may set it.
	servers func(s *Server)
	// entries are those of the gateway's log; nil unless newHarness made the harness.
	entries *logEntries
}

// newHarness starts a gateway whose servers db1, db2, … are at the addresses. The
// service, and the harness before the gateway starts, may be changed by change.
func newHarness(t testing.TB, protocol Protocol, change func(r *harness, s *Service), addresses ...string) *harness {
	t.Helper()
	r := &harness{recorder: newRecorderStub(), t: t, entries: &logEntries{}}
	service := Service{
		Name: "front", Protocol: protocol, Listen: []string{"127.0.0.1:0"},
		HighWater: DefaultHighWater, LowWater: DefaultLowWater,
	}
	// No tick comes in a test: those that want one call it.
	config := Config{StatisticsInterval: time.Hour}
	for i, address := range addresses {
		name := "db" + string(rune('1'+i))
		config.Servers = append(config.Servers, Server{Name: name, Address: address})
		service.Servers = append(service.Servers, name)
	}
	if change != nil {
		change(r, &service)
	}
	for i := range config.Servers {
		if r.servers != nil {
			r.servers(&config.Servers[i])
		}
	}
	config.Services, config.Record = []Service{service}, r.record
	log := zerolog.New(io.MultiWriter(zerolog.NewTestWriter(t), r.entries))
	g, err := Start(t.Context(), config, r.recorder, log)
	if err != nil {
		t.Fatal(err)
	}
	r.Gateway = g
	close(r.recorder.started)
	t.Cleanup(r.close)
	return r
}

// close closes the gateway.
func (r *harness) close() {
	r.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patienceOfTests)
		defer cancel()
		if err := r.Close(ctx); err != nil {
			r.t.Errorf("close: %v", err)
		}
	})
}

// dial connects a client.
func (r *harness) dial() peer {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.Addresses("front")[0].String())
	if err != nil {
		r.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patienceOfTests))
	r.t.Cleanup(func() { conn.Close() })
	return peer{conn.(*net.TCPConn), r.t, false}
}

// logIn logs a client in, if the protocol of the service has a login.
func (r *harness) logIn(p peer) {
	r.t.Helper()
	switch r.services[0].Protocol {
	case MySQL:
		p.logIn()
	case Postgres:
		p.send(pgLogin())
		p.want(pgWelcome())
	}
}

// only returns the session there is.
func (r *harness) only() *session {
	list := r.sessions.index.all()
	if len(list) != 1 {
		r.t.Errorf("%d sessions, want one", len(list))
		return nil
	}
	return list[0]
}

// echo sends back what it gets until the end.
func echo(p peer) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := p.Read(buffer)
		if err != nil {
			return
		}
		if _, err := p.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// The packets of MySQL that tests are made of.
const (
	offered = mysql.Protocol41 | mysql.TLS | mysql.Compress | mysql.SecureConnection | mysql.PluginAuth |
		mysql.ConnectAttributes | mysql.ConnectWithDB | mysql.CompressZstd
	threadID = 4711
)

// mysqlPacket frames a payload.
func mysqlPacket(sequence byte, payload string) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), sequence}, payload...)
}

// mysqlGreeting returns a server's first packet.
func mysqlGreeting() []byte { return mysqlGreetingOf(offered) }

// mysqlGreetingOf returns a server's first packet with the capabilities that it offers.
func mysqlGreetingOf(offered mysql.Capabilities) []byte {
	var b bytes.Buffer
	b.WriteString("\x0a10.11.0-test\x00")
	binary.Write(&b, binary.LittleEndian, uint32(threadID))
	b.WriteString("scramble\x00")
	binary.Write(&b, binary.LittleEndian, uint16(offered&0xffff))
	b.WriteString("\x2d\x02\x00")
	binary.Write(&b, binary.LittleEndian, uint16(offered>>16))
	b.WriteString("\x15" + "\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "scramble-two\x00mysql_native_password\x00")
	return mysqlPacket(0, b.String())
}

// mysqlLogin returns a client's first packet.
func mysqlLogin(asked mysql.Capabilities, user, database, program string) []byte {
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, uint32(asked))
	b.WriteString("\x00\x00\x00\x01\x2d" + string(make([]byte, 23)))
	b.WriteString(user + "\x00" + "\x03abc" + database + "\x00mysql_native_password\x00")
	attribute := "\x0cprogram_name" + string(rune(len(program))) + program
	b.WriteString(string(rune(len(attribute))) + attribute)
	return mysqlPacket(1, b.String())
}

// usual are the capabilities that a client asks for which takes what it is given.
const usual = offered &^ mysql.Hidden

const (
	mysqlOK     = "\x00\x00\x00\x02\x00\x00\x00"
	mysqlDenied = "\xff\x15\x04#28000Access denied for user 'jdoe'"
)

// mysqlServer accepts every login and then echoes.
func mysqlServer(p peer) {
	p.send(mysqlGreeting())
	p.packet()
	p.send(mysqlPacket(2, mysqlOK))
	echo(p)
}

// logIn logs a client in to mysqlServer.
func (p peer) logIn() {
	p.t.Helper()
	p.packet()
	p.send(mysqlLogin(usual, "jdoe", "shop", "till"))
	if ok := p.packet(); mysql.ReplyOf(ok) != mysql.ReplyOK {
		p.t.Errorf("the login was answered with %q", ok)
	}
}

// The errors of MySQL that the gateway sends.
const (
	mysqlUnreachable  = 1429
	mysqlBadHandshake = 1043
	mysqlUnknown      = 1105
)

// The messages of PostgreSQL that tests are made of.

// pgMessage frames a body.
func pgMessage(kind byte, body string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(body))), body...)
}

// pgStartup returns a client's untyped packet.
func pgStartup(code uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	return append(binary.BigEndian.AppendUint32(b, code), body...)
}

// pgLogin returns a client's startup packet.
func pgLogin() []byte {
	return pgStartup(3<<16, "user\x00jdoe\x00database\x00shop\x00application_name\x00till\x00\x00")
}

const (
	pgTLS    = 80877103
	pgGSS    = 80877104
	pgCancel = 80877102

	pgKey   = "\x00\x00\x12\x67\xca\xfe\xba\xbe"
	pgOK    = "R\x00\x00\x00\x08\x00\x00\x00\x00"
	pgReady = "Z\x00\x00\x00\x05I"
)

// pgWelcome returns what a server sends to a client that it lets in.
func pgWelcome() string {
	return pgOK + string(pgMessage('S', "server_version\x0015.0\x00")) + string(pgMessage('K', pgKey)) + pgReady
}

// pgServer accepts every login and then echoes.
func pgServer(p peer) {
	p.startup()
	p.send([]byte(pgWelcome()))
	echo(p)
}
