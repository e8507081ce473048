package login

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/panics"
	"gatebook/cmd/gatebook/gateway/postgres"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// socketPair returns a connection, and the socket at its other end.
func socketPair(t testing.TB) (*relay.Conn, *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	far, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		near.Close()
		far.Close()
	})
	far.SetDeadline(time.Now().Add(10 * time.Second))
	conn, err := relay.NewConn(near.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	return conn, far.(*net.TCPConn)
}

// stub is a session whose client and server are in the hands of a test. It records
// everything.
type stub struct {
	client, server         *relay.Conn
	fromClient, fromServer *net.TCPConn // the other ends
	// admit is what Admit returns.
	admit *ending.Ending
	// ready is called when the login is being recorded; nil does nothing.
	ready func() error

	// mu guards the rest.
	mu      sync.Mutex
	asked   events.SessionReady
	records []string // in their order
	stopped events.Reason
	caught  int
}

func newStub(t testing.TB) *stub {
	t.Helper()
	s := &stub{}
	s.client, s.fromClient = socketPair(t)
	s.server, s.fromServer = socketPair(t)
	return s
}

func (s *stub) record(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, what)
}

func (s *stub) Client() *relay.Conn { return s.client }

func (s *stub) Stop(reason events.Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped == events.ReasonNone {
		s.stopped = reason
	}
	_ = s.client.Close()
	_ = s.server.Close()
}

func (s *stub) Guard(f func() error) (err error) {
	if caught := panics.Catch(func() { err = f() }); caught != nil {
		s.mu.Lock()
		s.caught++
		s.mu.Unlock()
		s.Stop(events.ReasonError)
		return caught
	}
	return err
}

func (s *stub) Open(_ context.Context, kind events.SessionType) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if what := "open " + kind.String(); !slices.Contains(s.records, what) {
		s.records = append(s.records, what)
	}
}

func (s *stub) Arrived(ctx context.Context) bool {
	s.Open(ctx, events.TypeClient)
	return true
}

func (s *stub) Spoke() {}

func (s *stub) WaitOpened() error { return nil }

func (s *stub) Connected(uint64) { s.record("connected") }

func (s *stub) Asked(login events.SessionReady) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = login
}

func (s *stub) Ready(_ context.Context, login events.SessionReady, _ uint64) error {
	s.record("ready " + login.User)
	if s.ready != nil {
		return s.ready()
	}
	return nil
}

func (s *stub) Record(_ context.Context, e events.Event) error {
	s.record(e.Kind().String())
	return nil
}

func (s *stub) Admit() *ending.Ending { return s.admit }

func (s *stub) Reach(context.Context) (*Server, *ending.Ending) {
	return &Server{Name: "db1", Conn: s.server}, nil
}

func (s *stub) ReachIssuer(ctx context.Context, _ postgres.Key) (*Server, *ending.Ending) {
	return s.Reach(ctx)
}

func (s *stub) Issued(postgres.Key) { s.record("issued") }

// service returns a service without TLS whose logins have a limit.
func service(limit time.Duration) Service {
	return Service{Name: "front", LoginTimeout: limit, Buffers: &relay.Buffers{}}
}

// packet frames a payload as MySQL does.
func packet(sequence byte, payload string) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), sequence}, payload...)
}

// greeting returns a server's first packet.
func greeting() []byte {
	offered := mysql.Protocol41 | mysql.SecureConnection | mysql.PluginAuth
	var b bytes.Buffer
	b.WriteString("\x0a10.11.0-test\x00\x01\x00\x00\x00scramble\x00")
	binary.Write(&b, binary.LittleEndian, uint16(offered&0xffff))
	b.WriteString("\x2d\x02\x00")
	binary.Write(&b, binary.LittleEndian, uint16(offered>>16))
	b.WriteString("\x15" + string(make([]byte, 10)) + "scramble-two\x00mysql_native_password\x00")
	return packet(0, b.String())
}

// loginPacket returns the login of a user.
func loginPacket(user string) []byte {
	asked := mysql.Protocol41 | mysql.SecureConnection | mysql.PluginAuth
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, uint32(asked))
	b.WriteString("\x00\x00\x00\x01\x2d" + string(make([]byte, 23)) + user + "\x00\x03abcmysql_native_password\x00")
	return packet(1, b.String())
}

const okPayload = "\x00\x00\x00\x02\x00\x00\x00"

// send writes bytes to a socket.
func send(t testing.TB, conn *net.TCPConn, b []byte) {
	t.Helper()
	if _, err := conn.Write(b); err != nil {
		t.Errorf("send: %v", err)
	}
}

// want reads as many bytes as wanted, and compares.
func want(t testing.TB, conn *net.TCPConn, wanted []byte) {
	t.Helper()
	got := make([]byte, len(wanted))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, wanted) {
		t.Errorf("read %q, %v; want %q", got, err, wanted)
	}
}

// read reads one packet of MySQL.
func read(t testing.TB, conn *net.TCPConn) mysql.Packet {
	t.Helper()
	head := make([]byte, mysql.HeaderSize)
	if _, err := io.ReadFull(conn, head); err != nil {
		t.Errorf("read: %v", err)
		return append(head, 0)
	}
	size, _ := mysql.Frame(head)
	p := append(head, make([]byte, size-len(head))...)
	if _, err := io.ReadFull(conn, p[len(head):]); err != nil {
		t.Errorf("read: %v", err)
	}
	return p
}

// wantEnd reads the end of a connection.
func wantEnd(t testing.TB, conn *net.TCPConn) {
	t.Helper()
	if n, err := conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d bytes, %v; want the end", n, err)
	}
}
