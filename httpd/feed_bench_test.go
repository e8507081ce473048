package httpd_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
)

// openOnDisk opens a registry on a log that is synced.
func openOnDisk(b *testing.B) *gatebook.Registry {
	b.Helper()
	registry, err := gatebook.Open(b.Context(), b.TempDir()+"/data", gatebook.Options{})
	check(b, err)
	b.Cleanup(func() { check(b, registry.Close()) })
	return registry
}

// BenchmarkBesideFollowers has 16 producers record sessions while clients follow the log, all
// of it or the kills of a source, and reports how many events are recorded a second.
func BenchmarkBesideFollowers(b *testing.B) {
	for _, c := range []struct {
		followers   int
		what, query string
	}{
		{0, "", ""},
		{100, "kills", "&kind=kill_requested&source=edge-2"},
		{1000, "kills", "&kind=kill_requested&source=edge-2"},
		{100, "all", ""},
		{1000, "all", ""},
	} {
		b.Run(fmt.Sprintf("%d%s", c.followers, c.what), func(b *testing.B) {
			registry := openOnDisk(b)
			address := serve(b, httpd.Config{Registry: registry})
			source := startSource(b, registry, "edge-1")
			var got atomic.Int64
			var reading sync.WaitGroup
			var all []net.Conn
			for range c.followers {
				conn, err := net.Dial("tcp", address)
				check(b, err)
				all = append(all, conn)
				_, err = fmt.Fprintf(conn, "GET /events?follow=true%s HTTP/1.1\r\nHost: localhost\r\n\r\n", c.query)
				check(b, err)
				reading.Go(func() {
					n, _ := io.Copy(io.Discard, conn) // until it is closed
					got.Add(n)
				})
			}
			var done atomic.Int64
			began := time.Now()
			for b.Loop() {
				var writing sync.WaitGroup
				for range 16 {
					writing.Go(func() { done.Add(int64(writeFor(b, source, time.Second))) })
				}
				writing.Wait()
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(done.Load())/time.Since(began).Seconds(), "events/s")
			for _, conn := range all {
				conn.Close()
			}
			reading.Wait()
			b.ReportMetric(float64(got.Load())/1e6/time.Since(began).Seconds(), "MB/s")
		})
	}
}

// writeFor records sessions one after the other for a duration, and returns how many events
// it has recorded.
func writeFor(b *testing.B, source *gatebook.Source, d time.Duration) (recorded int) {
	for began := time.Now(); time.Since(began) < d; recorded += 3 {
		id, err := source.Open(b.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.1"})
		if err == nil {
			err = source.Record(b.Context(), id, &events.SessionReady{User: "jdoe", Database: "shop"})
		}
		if err == nil {
			err = source.Record(b.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed})
		}
		if err != nil {
			b.Error(err)
			break
		}
	}
	return recorded
}

// BenchmarkReports has 8 sources report sessions, a number of events a report. Each sends its
// next report when the last is answered.
func BenchmarkReports(b *testing.B) {
	const sources = 8
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			url := "http://" + serve(b, httpd.Config{Registry: openOnDisk(b)}) + "/events"
			var all [sources]func(int) string
			var clients [sources]*http.Client
			for i := range all {
				all[i], clients[i] = reporting(fmt.Sprintf("edge-%d", i)), client(b)
			}
			reports := 0
			for b.Loop() {
				// A second of reports of one event, and as many events of the others.
				each := max(1000/size, 1)
				var running sync.WaitGroup
				for i := range all {
					running.Go(func() {
						for range each {
							if got := post(b, clients[i], url, "application/json", all[i](size)); got.status != http.StatusOK {
								b.Errorf("got %d %s", got.status, got.body)
								return
							}
						}
					})
				}
				running.Wait()
				reports += sources * each
			}
			b.ReportMetric(float64(reports)/b.Elapsed().Seconds(), "reports/s")
			b.ReportMetric(float64(reports*size)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// reporting returns a function that makes the next report of a source, about sessions that
// open, are ready, and close.
func reporting(source string) func(size int) string {
	made := 0
	return func(size int) string {
		list := make([]string, size)
		for i := range list {
			key := made / 3
			list[i] = [...]string{
				fmt.Sprintf(`{"kind":"session_opened","key":"c-%d","service":"orders","address":"192.0.2.1","port":51234}`, key),
				fmt.Sprintf(`{"kind":"session_ready","key":"c-%d","user":"jdoe","database":"shop"}`, key),
				fmt.Sprintf(`{"kind":"session_closed","key":"c-%d","reason":"client_closed"}`, key),
			}[made%3]
			made++
		}
		return fmt.Sprintf(`{"source":%q,"incarnation":"1","events":[%s]}`, source, strings.Join(list, ","))
	}
}
