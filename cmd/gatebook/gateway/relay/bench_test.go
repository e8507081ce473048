package relay

import (
	"fmt"
	"io"
	"net"
	"testing"
)

// BenchmarkRoundTrip sends a question through a relay and waits for the answer,
// beside the same without a relay.
func BenchmarkRoundTrip(b *testing.B) {
	b.Run("direct", func(b *testing.B) {
		client, server := socketPair(b)
		go func() { _, _ = io.Copy(server, server) }()
		roundTrips(b, client)
		client.Close()
	})
	for _, high := range []int{0, 65536} {
		b.Run(fmt.Sprintf("relay/high=%d", high), func(b *testing.B) {
			r := connect(b).start(b, Options{High: high, Low: 1024})
			go func() { _, _ = io.Copy(r.server, r.server) }()
			roundTrips(b, r.client)
			r.client.Close()
		})
	}
}

func roundTrips(b *testing.B, client net.Conn) {
	b.Helper()
	question := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Write(question); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(client, question); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStream moves bytes one way through a relay.
func BenchmarkStream(b *testing.B) {
	for _, high := range []int{0, 65536} {
		b.Run(fmt.Sprintf("high=%d", high), func(b *testing.B) {
			r := connect(b).start(b, Options{High: high, Low: 1024})
			chunk := make([]byte, 64<<10)
			go func() { _, _ = io.Copy(io.Discard, r.client) }()
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.server.Write(chunk); err != nil {
					b.Fatal(err)
				}
			}
			r.server.Close()
			r.client.Close()
		})
	}
}
