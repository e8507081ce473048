package storage

import (
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"gatebook/events"
)

// memoryName replaces the file in errors.
const memoryName = "the log in memory"

// Memory is a log without a disk, for tests and experiments. It keeps records encoded, so
// that reading one decodes it as [Bolt] does.
type Memory struct {
	*appender
	disk *MemoryDisk
}

// MemoryDisk is the part of a [Memory] that survives its closing.
type MemoryDisk struct {
	mu     sync.RWMutex // guards values and end
	values [][]byte
	end    Head // of values
	id     [16]byte
}

// NewMemoryDisk returns an empty disk.
func NewMemoryDisk() *MemoryDisk {
	d := &MemoryDisk{}
	rand.Read(d.id[:])
	return d
}

// OpenMemory opens the log on disk. A nil clock is the system's.
func OpenMemory(disk *MemoryDisk, clock func() events.Time) (*Memory, error) {
	if clock == nil {
		clock = func() events.Time { return events.TimeOf(time.Now()) }
	}
	l := &Memory{disk: disk}
	l.appender = newAppender(disk, clock, disk.end)
	return l, nil
}

func (d *MemoryDisk) commit(end Head, values [][]byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end = end
	for _, v := range values {
		d.values = append(d.values, append([]byte(nil), v...))
	}
	return nil
}

// room is [store.room].
func (d *MemoryDisk) room(int) error { return nil }

// ID is [Log.ID].
func (l *Memory) ID() [16]byte { return l.disk.id }

// Start is [Log.Start].
func (l *Memory) Start(after uint64, deliver Deliver) error {
	if errors.Is(l.Err(), ErrClosed) {
		return ErrClosed
	}
	if err := replay(memoryName, l.read, after, l.Head().Sequence, deliver); err != nil {
		return err
	}
	return l.run(deliver)
}

// Read is [Log.Read].
func (l *Memory) Read(after uint64, buffer []events.Record) (int, error) {
	buffer, err := l.clip(after, buffer)
	if err != nil {
		return 0, err
	}
	return l.read(after, buffer, new(events.Coder))
}

func (l *Memory) read(after uint64, buffer []events.Record, coder *events.Coder) (int, error) {
	l.disk.mu.RLock()
	defer l.disk.mu.RUnlock()
	n := 0
	for sequence := after + 1; n < len(buffer) && sequence <= uint64(len(l.disk.values)); sequence++ {
		r, err := coder.Decode(sequence, l.disk.values[sequence-1])
		if err != nil {
			return n, &CorruptError{File: memoryName, Sequence: sequence, Err: err}
		}
		buffer[n] = r
		n++
	}
	return n, nil
}

// Close is [Log.Close].
func (l *Memory) Close() error {
	l.stop()
	return nil
}
