package storage

import (
	"fmt"
	"sync"

	"gatebook/events"
	"gatebook/events/wire"
)

// replayPage is the number of records that one read transaction of a replay covers.
const replayPage = 1024

// readFunc reads the records after a sequence into a buffer.
type readFunc func(after uint64, buffer []events.Record, coder *events.Coder) (int, error)

// page holds consecutive records, and why no more could be read.
type page struct {
	records []events.Record
	err     error
}

// replay delivers the records of a file after the given sequence up to head, page by
// page. It reads and decodes the next page while one is delivered.
func replay(file string, read readFunc, after, head uint64, deliver Deliver) error {
	if after > head {
		return &CorruptError{File: file, Err: fmt.Errorf("it ends at record %d, but record %d was read from it before", head, after)}
	}
	pages, stop := make(chan page), make(chan struct{})
	free := make(chan []events.Record, 2)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(pages)
		readPages(file, read, after, head, free, pages, stop)
	})
	defer reading.Wait()
	defer close(stop)
	for range cap(free) {
		free <- make([]events.Record, min(replayPage, head-after))
	}
	for p := range pages {
		if p.err != nil {
			return p.err
		}
		if err := deliver(p.records); err != nil {
			return err
		}
		free <- p.records[:cap(p.records)]
	}
	return nil
}

// readPages reads up to head into free buffers, until stop is closed.
func readPages(file string, read readFunc, after, head uint64, free <-chan []events.Record, pages chan<- page, stop <-chan struct{}) {
	coder := &events.Coder{Strings: new(wire.Strings)}
	for after < head {
		var p page
		select {
		case p.records = <-free:
		case <-stop:
			return
		}
		n, err := read(after, p.records, coder)
		if err == nil && n == 0 {
			err = &CorruptError{File: file, Sequence: after + 1, Err: fmt.Errorf("it is missing, the head is %d", head)}
		}
		after += uint64(n)
		p.records, p.err = p.records[:n], err
		select {
		case pages <- p:
		case <-stop:
			return
		}
		if err != nil {
			return
		}
	}
}
