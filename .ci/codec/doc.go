// Package codec compares the codec of events with those it could have been. It
// is a module of its own, so that no candidate becomes a dependency of the
// product; docs/decisions/0003-codec.md tells what came out.
//
// Compared is what makes up the payload: the fields of an event's core and, apart
// from them, those of its personal part. The head of a record, its checksum and
// its commitment are the same for all. Each candidate holds an event in the form
// that suits it best, as if the whole product did, so that nothing is converted
// while it is measured.
//
//	go test            # all read back what they wrote; protobuf reads the product's
//	./bench            # interleaved rounds and their medians (ROUNDS=15)
//	./generate         # makes pb/*.go anew
package codec
