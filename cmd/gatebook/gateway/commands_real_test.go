package gateway

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/internal/servertest"
)

// logInWith logs a client in to a real server that asks for these capabilities too.
func (p peer) logInWith(more mysql.Capabilities, user, password string) {
	p.t.Helper()
	scramble := scrambleOf(p.packet())
	asked := mysql.Protocol41 | mysql.SecureConnection | mysql.PluginAuth | mysql.ConnectWithDB | more
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, uint32(asked))
	b.WriteString("\x00\x00\x00\x01\x2d" + string(make([]byte, 23)))
	b.WriteString(user + "\x00\x14" + string(native(password, scramble)) + "shop\x00mysql_native_password\x00")
	if asked&mysql.ConnectAttributes != 0 {
		b.WriteByte(0) // none
	}
	p.send(mysqlPacket(1, b.String()))
	p.finishNative(password)
}

// TestAnswersOfRealServer checks that a session of a real server is idle after the answer to each
// kind of command that the drivers in other tests do not send, with the two ways to end rows, and where
// packets are compressed.
func TestAnswersOfRealServer(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	if err := server.AddUser("jdoe", "secret"); err != nil {
		t.Fatal(err)
	}
	const multi = mysql.Capabilities(1<<16 | 1<<17 | 1<<18)
	for name, capabilities := range map[string]mysql.Capabilities{
		"EOF": multi, "OK instead of EOF": multi | mysql.DeprecateEOF,
		"EOF, compressed": multi | mysql.Compress, "OK instead of EOF, compressed": multi | mysql.DeprecateEOF | mysql.Compress,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newHarness(t, MySQL, func(_ *harness, s *Service) { s.Compression = true }, server.Address)
			client := r.dial()
			client.logInWith(capabilities, "jdoe", "secret")
			go func() { _, _ = io.Copy(io.Discard, client) }()
			r.awaitRelay(t, 1)
			s := r.only()
			statement := "\x01\x00\x00\x00"
			execute := func(cursor string) string { return "\x17" + statement + cursor + "\x01\x00\x00\x00" }
			for _, c := range []struct{ name, command string }{
				{"prepare", "\x16SELECT seq, 'x' FROM seq_1_to_10"},
				{"execute", execute("\x00")},
				{"execute with a cursor", execute("\x01")},
				{"fetch", "\x1c" + statement + "\x03\x00\x00\x00"},
				{"fetch the rest", "\x1c" + statement + "\xff\x00\x00\x00"},
				{"fetch behind the end", "\x1c" + statement + "\x03\x00\x00\x00"},
				{"reset the statement", "\x1a" + statement},
				{"fetch without a cursor", "\x1c" + statement + "\x03\x00\x00\x00"},
				{"prepare what is no statement", "\x16SELECT FROM"},
				{"prepare without columns", "\x16DO ?"},
				{"statistics", "\x09"},
				{"processes", "\x0a"},
				{"fields", "\x04no_table\x00%"},
				{"set an option", "\x1b\x01\x00"},
				{"reset the connection", "\x1f"},
				{"a database", "\x02shop"},
				{"several results", "\x03SELECT 1; SELECT seq FROM seq_1_to_3; DO 1; SELECT 2"},
				{"an error among them", "\x03SELECT 1; SELECT nothing; SELECT 2"},
				{"a procedure that is none", "\x03CALL nothing()"},
				{"a file", "\x03LOAD DATA LOCAL INFILE 'f' INTO TABLE no_table"},
				{"what is unknown", "\x7f"},
				{"nothing", "\x03"},
				{"a long row", "\x03SELECT REPEAT('x', 70000), NULL, ''"},
				{"a row that begins like an end", "\x03SELECT REPEAT('x', 17000000)"},
			} {
				before := s.client.Counters().BytesWritten
				if capabilities&mysql.Compress != 0 {
					compressing{peer: client}.sendCompressed(0, mysqlPacket(0, c.command))
				} else {
					client.send(mysqlPacket(0, c.command))
				}
				r.await(t, c.name+" is answered", func() bool {
					all, err := server.Processes()
					done := err == nil && slices.ContainsFunc(all, func(p servertest.Process) bool { return uint64(p.ID) == s.serverID && p.State == "Sleep" })
					return done && s.client.Counters().BytesWritten > before && !s.activity.waiting().Owed
				})
			}
		})
	}
}
