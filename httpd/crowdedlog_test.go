package httpd_test

import (
	"net/http"
	"runtime"
	"sync"
	"testing"

	"gatebook/httpd"
)

// Requests that read the log wait for their turn in a queue that has an end: one more is told
// to come back.
func TestReadersOfTheLogAreBounded(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	manySessions(t, registry, 10)
	server, base := serveThat(t, httpd.Config{Registry: registry})
	turns := max(1, runtime.GOMAXPROCS(0)/2)
	done := make(chan struct{})
	var holding, readers sync.WaitGroup
	holding.Add(turns)
	for range turns {
		readers.Go(func() {
			err := server.ReadInTurn(t.Context(), func() error { holding.Done(); <-done; return nil })
			if err != nil {
				t.Error(err)
			}
		})
	}
	holding.Wait()
	refused := make(chan struct{}, 1)
	for range 8*turns + 1 {
		c := client(t)
		readers.Go(func() {
			got := ask(t, c, "GET", "http://"+base+"/events?limit=1")
			switch {
			case got.status == http.StatusServiceUnavailable && got.header.Get("Retry-After") != "":
				select {
				case refused <- struct{}{}:
				default:
				}
			case got.status != http.StatusOK:
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
	<-refused
	close(done)
	readers.Wait()
}
