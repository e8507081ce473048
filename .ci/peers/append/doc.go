// Package peers measures appends to the registry beside other stores that
// acknowledge what is on the disk, in one interleaved run: SQLite, PostgreSQL, etcd
// and a NATS JetStream stream. It is a module of its own, so that none of them is a
// dependency of the product. PostgreSQL is Debian's package, the others come with the
// module.
//
//	go test -bench . -count 3 -timeout 1h
//
// Every store takes the same 160 bytes per event and syncs before it acknowledges.
// SQLite and etcd sit in this process, and so does the JetStream server, which is
// reached over the loopback as etcd is; PostgreSQL is reached over a Unix socket.
package peers
