package storage_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/storage"
)

// operation is what a client did to one stream. An append has a text and how many records of
// the stream its client had seen; a read has none of them.
type operation struct {
	stream uint64
	append string
	seen   int
}

// answer is what a client got: what it read, or how an append ended. What a failed commit did
// is not known; late is true of an append that began after it, which did nothing.
type answer struct {
	read string
	err  error
	late bool
}

// streamModel is the specification of a stream: a list of texts, joined, to which an append is
// taken if its client had seen all of it, and refused otherwise.
var streamModel = porcupine.NondeterministicModel{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		streams := make(map[uint64][]porcupine.Operation)
		for _, o := range history {
			n := o.Input.(operation).stream
			streams[n] = append(streams[n], o)
		}
		var parts [][]porcupine.Operation
		for _, part := range streams {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() []any { return []any{""} },
	Step: func(state, input, output any) []any {
		was, in, out := state.(string), input.(operation), output.(answer)
		current := in.seen == strings.Count(was, " ")
		appended := was + in.append + " "
		switch {
		case in.append == "" && out.read == was:
			return []any{was}
		case in.append == "":
			return nil
		case out.err == nil && current:
			return []any{appended}
		case errors.Is(out.err, storage.ErrConflict) && !current:
			return []any{was}
		case out.err == nil || errors.Is(out.err, storage.ErrConflict):
			return nil
		case current && !out.late: // it failed, and may be there
			return []any{was, appended}
		default:
			return []any{was}
		}
	},
}

// TestAppendsAreLinearizable has clients append to a few streams and read them, while commits
// fail: without a trace, or although all is on the disk. The log is then opened again. To its
// clients it is as if one operation happened after the other.
func TestAppendsAreLinearizable(t *testing.T) {
	t.Parallel()
	const rounds, lives, clients, each = 20, 3, 4, 15
	for round := range rounds {
		var history recorded
		path := filepath.Join(quickDir(t), fmt.Sprint("log", round))
		for range lives {
			var commits atomic.Int64
			failing := 1 + rand.Int64N(60)
			l := openFaulty(t, path)
			fault := []func(error) func(*bolt.Tx) error{notPersisted, persisted}[rand.IntN(2)](errDisk)
			l.fault = func(tx *bolt.Tx) error {
				if commits.Add(1) == failing {
					return fault(tx)
				}
				return tx.Commit()
			}
			var wait sync.WaitGroup
			for range clients {
				wait.Go(func() { history.client(l, each) })
			}
			wait.Wait()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		switch porcupine.CheckOperationsTimeout(streamModel.ToModel(), history.operations, time.Minute) {
		case porcupine.Ok:
		case porcupine.Illegal:
			t.Fatalf("no order of these operations explains their answers:\n%s", &history)
		case porcupine.Unknown:
			t.Fatal("no answer within a minute")
		}
	}
}

// recorded is the history of all clients.
type recorded struct {
	clock   atomic.Int64
	clients atomic.Int64

	mu         sync.Mutex // guards operations
	operations []porcupine.Operation
}

// String returns the operations, a line each, in the order of their begin.
func (h *recorded) String() string {
	var b strings.Builder
	for _, o := range slices.SortedFunc(slices.Values(h.operations), func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) }) {
		in, out := o.Input.(operation), o.Output.(answer)
		fmt.Fprintf(&b, "%d to %d: client %d: stream %d: ", o.Call, o.Return, o.ClientId, in.stream)
		if in.append == "" {
			fmt.Fprintf(&b, "read %q\n", out.read)
		} else {
			fmt.Fprintf(&b, "append %s after %d: %v\n", in.append, in.seen, out.err)
		}
	}
	return b.String()
}

// client appends to and reads streams.
func (h *recorded) client(l *faulty, operations int) {
	id := int(h.clients.Add(1))
	for i := range operations {
		stream := 1 + rand.Uint64N(2)
		var read []string
		var head uint64
		h.do(id, operation{stream: stream}, func() answer {
			read, head = readStream(l, stream)
			return answer{read: strings.Join(read, "")}
		})
		if rand.IntN(4) == 0 {
			continue
		}
		text := fmt.Sprintf("%d/%d", id, i)
		h.do(id, operation{stream: stream, append: text, seen: len(read)}, func() answer {
			late := l.Err() != nil
			entry := storage.Entry{Expect: head, Record: events.Record{Session: stream, Event: &events.KillRequested{Why: text}}}
			return answer{err: l.Append(context.Background(), []storage.Entry{entry}), late: late}
		})
	}
}

// do records an operation with the times of its begin and end. One whose effect is not known
// has no end.
func (h *recorded) do(client int, in operation, do func() answer) {
	begin := h.clock.Add(1)
	out := do()
	end := h.clock.Add(1)
	if out.err != nil && !errors.Is(out.err, storage.ErrConflict) && !out.late {
		end = math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: begin, Return: end})
}

// readStream reads the texts of a stream, each with a space after it, and how far it has read
// the log.
func readStream(l *faulty, stream uint64) (read []string, head uint64) {
	buffer := make([]events.Record, 1<<12)
	n, err := l.Read(0, buffer)
	if err != nil {
		panic(err) // reading goes on whatever happened to a commit
	}
	for _, r := range buffer[:n] {
		head = r.Sequence
		if r.Session == stream {
			read = append(read, r.Event.(*events.KillRequested).Why+" ")
		}
	}
	return read, head
}
