package gateway

import "testing"

// BenchmarkSession measures a session from its client's connection to the record of its
// end, with one question and its answer. What the client and the server of the benchmark
// do is measured too.
func BenchmarkSession(b *testing.B) {
	for protocol, server := range map[Protocol]func(peer){MySQL: mysqlServer, Postgres: pgServer, TCP: echo} {
		b.Run(string(protocol), func(b *testing.B) {
			r := newHarness(b, protocol, nil, newStubServer(b, server).address())
			question := string(mysqlPacket(0, "\x0e"))
			id := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				client := r.dial()
				r.logIn(client)
				client.send([]byte(question))
				client.want(question)
				client.Close()
				id++
				r.recorder.ended(b, id)
			}
		})
	}
}
