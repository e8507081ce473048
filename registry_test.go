package gatebook_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatebook"
	"gatebook/events"
	"gatebook/migrations"
	"gatebook/projection"
	"gatebook/storage"
	"gatebook/storage/index"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, folder string) *gatebook.Registry {
	t.Helper()
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{Report: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func start(t *testing.T, r *gatebook.Registry, name string) *gatebook.Source {
	t.Helper()
	s, err := r.StartSource(t.Context(), gatebook.SourceOptions{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func openSession(t *testing.T, s *gatebook.Source) uint64 {
	t.Helper()
	id, err := s.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.1", Port: 51234})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func session(t *testing.T, r *gatebook.Registry, id uint64) projection.View {
	t.Helper()
	v, _, err := r.Session(id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The whole life of a session, and what its end leaves.
func TestLife(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "data"))
	s := start(t, r, "gateway")
	id := openSession(t, s)
	steps := []struct {
		list  []events.Event
		stage projection.Stage
	}{
		{[]events.Event{&events.ConnectionFailed{Connection: 1, Server: "db-1", Cause: "connection refused"}}, projection.Accepted},
		{[]events.Event{&events.ConnectionOpened{Connection: 2, Server: "db-2"}}, projection.LoggingIn},
		{[]events.Event{&events.ConnectionOpened{Connection: 2, Server: "db-2", ServerID: 77}, &events.SessionReady{User: "jdoe", Database: "shop", Program: "psql"}}, projection.Routing},
		{[]events.Event{&events.SessionReady{User: "ann", Database: "shop"}}, projection.Routing},
	}
	for i, step := range steps {
		if err := s.Record(t.Context(), id, step.list...); err != nil {
			t.Fatal(i, err)
		}
		if v := session(t, r, id); v.Stage != step.stage {
			t.Errorf("step %d: stage %d, want %d", i, v.Stage, step.stage)
		}
	}
	v := session(t, r, id)
	if v.Login() != (projection.Login{User: "ann", Database: "shop"}) || v.Address() != "192.0.2.1" || v.Port != 51234 {
		t.Errorf("login %+v from %s:%d", v.Login(), v.Address(), v.Port)
	}
	if len(v.Connections) != 2 || v.Connections[0].Cause() != "connection refused" || v.Connections[1].ServerID != 77 {
		t.Errorf("connections %+v", v.Connections)
	}
	services, _ := r.Services()
	if len(services) != 1 || services[0].Total != 1 || services[0].Current != 1 {
		t.Errorf("service %+v", services[0])
	}
	end := &events.SessionClosed{Reason: events.ReasonServerClosed, Finals: []events.Final{
		{Counters: events.Counters{Reads: 3, HighWaterEvents: 1}}, {Connection: 2, Counters: events.Counters{BytesRead: 9}},
	}}
	if err := s.Record(t.Context(), id, end); err != nil {
		t.Fatal(err)
	}
	v = session(t, r, id)
	if v.Status != projection.Closed || v.Ending().Reason != events.ReasonServerClosed || v.Counters().HighWaterEvents != 1 || v.Connections[1].Counters().BytesRead != 9 {
		t.Errorf("ended as %+v", v.Session)
	}
	if at, why := v.End(&v.Connections[1]); at != v.Ending().Ended || why != events.ReasonServerClosed {
		t.Errorf("its connection ended at %v for %v", at, why)
	}
	server, _, _ := r.Server("db-2")
	if server.Total != 1 || server.Current != 0 {
		t.Errorf("server %+v", server)
	}
	var trail []uint64
	for sequence := range v.Trail() {
		trail = append(trail, sequence)
	}
	if len(trail) != 7 || trail[0] != 2 || trail[6] != v.Version {
		t.Errorf("trail %v, version %d", trail, v.Version)
	}
}

// A session is connected since the time that its source gives, or else since now.
func TestOpenSince(t *testing.T) {
	r := open(t, t.TempDir()+"/data")
	s := start(t, r, "gateway")
	before := time.Now().Add(-3 * time.Second)
	id, err := s.OpenSince(t.Context(), before, events.SessionOpened{Service: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	if got := session(t, r, id).Opened; got != events.TimeOf(before) {
		t.Errorf("connected at %v, want %v", got.Time(), before)
	}
	if got := session(t, r, openSession(t, s)).Opened.Time(); got.Before(before.Add(time.Second)) {
		t.Errorf("another connected at %v", got)
	}
}

// What does not fit is refused, says why, and leaves nothing.
func TestRefused(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "data"))
	s := start(t, r, "gateway")
	live, ended := openSession(t, s), openSession(t, s)
	if err := s.Record(t.Context(), live, &events.ConnectionOpened{Connection: 1, Server: "db-1", ServerID: 5}); err != nil {
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), ended, &events.SessionClosed{Reason: events.ReasonClientClosed}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		id   uint64
		list []events.Event
		want string
	}{
		"after the end": {ended, []events.Event{&events.SessionReady{}}, "session_ready does not fit session 2: it is closed"},
		"ended twice":   {ended, []events.Event{&events.SessionClosed{Reason: events.ReasonShutdown}}, "session_closed does not fit session 2: it is closed"},
		"opened again":  {live, []events.Event{&events.SessionOpened{Service: "orders"}}, "session_opened does not fit session 1: it is logging in"},
		"counters of nothing": {
			live,
			[]events.Event{&events.SessionClosed{Reason: events.ReasonShutdown, Finals: []events.Final{{Connection: 7}}}},
			"session_closed does not fit session 1: it has the counters of connection 7, which was never opened",
		},
		"other server":            {live, []events.Event{&events.ConnectionOpened{Connection: 1, Server: "db-2"}}, "connection_opened does not fit session 1: connection 1 is open to db-1 already"},
		"failed where it is open": {live, []events.Event{&events.ConnectionFailed{Connection: 1, Server: "db-1"}}, "connection_failed does not fit session 1: connection 1 is open"},
		"two servers in a list": {live, []events.Event{
			&events.ConnectionOpened{Connection: 3, Server: "a"}, &events.ConnectionOpened{Connection: 3, Server: "b"},
		}, "connection_opened does not fit session 1: connection 3 is open to a already"},
		"unknown connection":    {live, []events.Event{&events.ConnectionClosed{Reason: events.ReasonServerClosed, Final: events.Final{Connection: 2}}}, "connection_closed does not fit session 1: connection 2 is not open"},
		"statistics of nothing": {live, []events.Event{&events.StatisticsRecorded{Final: events.Final{Connection: 2}}}, "statistics_recorded does not fit session 1: connection 2 is not open"},
		"second of a list":      {live, []events.Event{&events.SessionClosed{Reason: events.ReasonShutdown}, &events.SessionReady{}}, "session_ready does not fit session 1: it is closed"},
		"closed twice in a list": {live, []events.Event{
			&events.ConnectionClosed{Reason: events.ReasonServerClosed, Final: events.Final{Connection: 1}},
			&events.ConnectionClosed{Reason: events.ReasonServerClosed, Final: events.Final{Connection: 1}},
		}, "connection_closed does not fit session 1: connection 1 is not open"},
	} {
		before := r.Moment().Sequence
		err := s.Record(t.Context(), c.id, c.list...)
		var refused *gatebook.RefusedError
		if !errors.As(err, &refused) || err.Error() != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if now := r.Moment().Sequence; now != before {
			t.Errorf("%s: the log grew to %d", name, now)
		}
	}
	if r.Stats().Refused != 11 {
		t.Errorf("%d were counted", r.Stats().Refused)
	}
	if err := s.Record(t.Context(), 99, &events.SessionReady{}); !errors.Is(err, gatebook.ErrNotFound) {
		t.Errorf("unknown session: %v", err)
	}
	if _, err := r.StartSource(t.Context(), gatebook.SourceOptions{Name: "Gateway"}); !errors.Is(err, gatebook.ErrInvalid) {
		t.Errorf("a second source of the name: %v", err)
	}
	if _, err := s.Open(t.Context(), events.SessionOpened{}); !errors.Is(err, gatebook.ErrInvalid) {
		t.Errorf("no service: %v", err)
	}
}

// A kill is on the record, reaches the source, and is answered when the end is on
// the record too.
func TestKill(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	r := open(t, folder)
	s := start(t, r, "gateway")
	id := openSession(t, s)
	acted := make(chan error, 1)
	go func() {
		kills, err := s.Kills(context.Background())
		if err == nil && (len(kills) != 1 || kills[0] != id) {
			err = errors.New("other kills were handed out")
		}
		if err == nil {
			err = s.Record(context.Background(), id, &events.SessionClosed{Reason: events.ReasonKilled})
		}
		acted <- err
	}()
	v, err := r.Kill(t.Context(), id, gatebook.Request{By: "ann", Why: "runaway report"})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-acted; err != nil {
		t.Fatal(err)
	}
	end := v.Ending()
	if v.Status != projection.Closed || end.Reason != events.ReasonKilled || end.By != "ann" || end.Description != "runaway report" {
		t.Errorf("killed as %+v", end)
	}
	var ended *gatebook.EndedError
	if _, err := r.Kill(t.Context(), id, gatebook.Request{By: "bob"}); !errors.As(err, &ended) {
		t.Errorf("a second kill: %v", err)
	}
	if _, err := r.Kill(t.Context(), 99, gatebook.Request{By: "bob"}); !errors.Is(err, gatebook.ErrNotFound) {
		t.Errorf("an unknown session: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	want := []events.Kind{events.KindSessionOpened, events.KindKillRequested, events.KindSessionClosed}
	if got := kindsOf(t, filepath.Join(folder, "log"), id); !slices.Equal(got, want) {
		t.Errorf("the record shows %v, want %v", got, want)
	}
}

// kindsOf are the kinds of a session's records in a log that nobody has open.
func kindsOf(t *testing.T, path string, id uint64) (kinds []events.Kind) {
	t.Helper()
	log, err := storage.OpenBolt(path, storage.BoltOptions{})
	if err != nil {
		t.Fatal(err)
	}
	records := make([]events.Record, 100)
	n, err := log.Read(0, records)
	if err := errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	for _, r := range records[:n] {
		if r.Session == id {
			kinds = append(kinds, r.Event.Kind())
		}
	}
	return kinds
}

// A kill that nobody acts on stays pending, and asking again adds nothing.
func TestKillPending(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "data"))
	s := start(t, r, "gateway")
	id := openSession(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		v, err := r.Kill(ctx, id, gatebook.Request{By: "ann"})
		if err != nil || v.Status != projection.Live || v.Stage != projection.Stopping {
			t.Fatalf("pending as %+v, %v", v.Session, err)
		}
	}
	if n := r.Moment().Sequence; n != 3 {
		t.Errorf("%d records, want 3: source, session, kill", n)
	}
}

// Sixteen at once on one session: each event is recorded once, conflicts are
// decided again.
func TestConflicts(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "data"))
	s := start(t, r, "gateway")
	id := openSession(t, s)
	const writers, each = 16, 20
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				if err := s.Record(t.Context(), id, &events.StatisticsRecorded{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := r.Moment().Sequence; n != 2+writers*each {
		t.Errorf("%d records, want %d", n, 2+writers*each)
	}
	// Of many who close it, one does.
	var closed, refused int
	var mu sync.Mutex
	for range writers {
		wg.Go(func() {
			err := s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed})
			var r *gatebook.RefusedError
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				closed++
			case errors.As(err, &r):
				refused++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if closed != 1 || refused != writers-1 {
		t.Errorf("%d closed it, %d were refused", closed, refused)
	}
}

// A source that stops takes its sessions along; the next incarnation is another.
func TestSourceStops(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	r := open(t, folder)
	s := start(t, r, "gateway")
	id := openSession(t, s)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := session(t, r, id); v.Ending().Reason != events.ReasonSourceStopped {
		t.Errorf("ended with %s", v.Ending().Reason)
	}
	if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"}); !errors.Is(err, gatebook.ErrSourceStopped) {
		t.Errorf("opening after the stop: %v", err)
	}
	if _, err := s.Kills(t.Context()); !errors.Is(err, gatebook.ErrSourceStopped) {
		t.Errorf("kills after the stop: %v", err)
	}
	again := start(t, r, "gateway")
	if again.Incarnation() == s.Incarnation() {
		t.Errorf("two incarnations are named %s", s.Incarnation())
	}
}

// Ids go on after a restart, and ended sessions answer from the archive.
func TestRestart(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	r := open(t, folder)
	if !r.OpenInfo().New {
		t.Error("a new book was not said to be new")
	}
	s := start(t, r, "gateway")
	first := openSession(t, s)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, folder)
	if o := r.OpenInfo(); o.New || o.Rebuilt != nil || o.Records != 4 || o.Replayed != 0 || o.Lost != 0 {
		t.Errorf("opened as %+v", o)
	}
	if v := session(t, r, first); v.Ending().Reason != events.ReasonSourceStopped {
		t.Errorf("ended with %s", v.Ending().Reason)
	}
	if next := openSession(t, start(t, r, "gateway")); next != first+1 {
		t.Errorf("the next id is %d", next)
	}
}

// The folder is refused to a second registry, and is free after the first closed.
func TestInUse(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	r := open(t, folder)
	var inUse *storage.InUseError
	if _, err := gatebook.Open(t.Context(), folder, gatebook.Options{}); !errors.As(err, &inUse) || inUse.Folder != folder {
		t.Fatalf("a second registry: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, folder)
}

// A parent folder is never made.
func TestNoParent(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "missing", "data")
	if _, err := gatebook.Open(t.Context(), folder, gatebook.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opened under a folder that does not exist: %v", err)
	}
}

// A damaged or missing book is made again; a log that is gone, cut or older than
// its book is refused, and nothing is changed.
func TestDamage(t *testing.T) {
	made := func(t *testing.T) string {
		folder := filepath.Join(t.TempDir(), "data")
		r := open(t, folder)
		s := start(t, r, "gateway")
		for range 50 {
			openSession(t, s)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	for name, damage := range map[string]func(t *testing.T, folder string){
		"missing book": func(t *testing.T, folder string) { remove(t, folder, "book.db") },
		"foreign book": func(t *testing.T, folder string) { write(t, folder, "book.db", []byte("not a database")) },
		"empty book":   func(t *testing.T, folder string) { write(t, folder, "book.db", nil) },
		"cut book":     func(t *testing.T, folder string) { cut(t, folder, "book.db", 5000) },
		"newer book": func(t *testing.T, folder string) {
			text, err := os.ReadFile(filepath.Join(folder, "book.db"))
			if err != nil {
				t.Fatal(err)
			}
			was, is := []byte{0, 0, 0, migrations.ArchiveFormat}, []byte{0, 0, 0, migrations.ArchiveFormat + 1}
			write(t, folder, "book.db", bytes.ReplaceAll(text, append([]byte("format"), was...), append([]byte("format"), is...)))
		},
		"another's book": func(t *testing.T, folder string) {
			other, err := os.ReadFile(filepath.Join(made(t), "book.db"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, folder, "book.db", other)
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := made(t)
			damage(t, folder)
			r := open(t, folder)
			if why := r.OpenInfo().Rebuilt; why == nil {
				t.Error("nobody was told that the book was made again")
			} else if newer := strings.Contains(why.Error(), "newer"); newer != (name == "newer book") || newer && strings.Contains(why.Error(), "damaged") {
				t.Errorf("it was made again because %v", why)
			}
			if m := r.Moment(); m.Closed != 50 || m.Sequence != 102 {
				t.Errorf("rebuilt to %+v", m)
			}
		})
	}
	for name, damage := range map[string]func(t *testing.T, folder string){
		"missing log": func(t *testing.T, folder string) { remove(t, folder, "log") },
		"no segment":  func(t *testing.T, folder string) { remove(t, folder, firstSegment) },
		"foreign log": func(t *testing.T, folder string) { write(t, folder, firstSegment, []byte("not a database")) },
		"empty log":   func(t *testing.T, folder string) { write(t, folder, firstSegment, nil) },
		"cut log":     func(t *testing.T, folder string) { cut(t, folder, firstSegment, 5000) },
		"older log": func(t *testing.T, folder string) {
			for _, name := range []string{"log", "head", "key"} { // with either of them the log is known to be another
				remove(t, folder, name)
			}
			if err := storage.CreateBolt(filepath.Join(folder, "log")); err != nil {
				t.Fatal(err)
			}
			log, err := storage.OpenBolt(filepath.Join(folder, "log"), storage.BoltOptions{})
			if err != nil {
				t.Fatal(err)
			}
			id := log.ID()
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			remove(t, folder, "book.db")
			if err := storage.CreateArchive(filepath.Join(folder, "book.db"), id, projection.Tables()); err != nil {
				t.Fatal(err)
			}
			book, err := storage.OpenArchive(filepath.Join(folder, "book.db"), id, projection.Tables())
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(book.Commit(7, storage.RecordSum{}, nil, index.Update{}), book.Close()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := made(t)
			damage(t, folder)
			before := read(t, folder)
			_, err := gatebook.Open(t.Context(), folder, gatebook.Options{})
			var corrupt *storage.CorruptError
			if !errors.As(err, &corrupt) || !strings.HasPrefix(corrupt.File, filepath.Join(folder, "log")) {
				t.Fatalf("opened: %v", err)
			}
			if after := read(t, folder); after != before {
				t.Error("the files were changed")
			}
		})
	}
}

func remove(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, folder, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func cut(t *testing.T, folder, name string, size int64) {
	t.Helper()
	if err := os.Truncate(filepath.Join(folder, name), size); err != nil {
		t.Fatal(err)
	}
}

// read is the content of all files in a folder.
func read(t *testing.T, folder string) string {
	t.Helper()
	var all string
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		all += path + "\n" + string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// firstSegment is the path of the log's first segment in a data folder.
var firstSegment = filepath.Join("log", "00000000000000000001.db")

// What was ended and saved costs a checkpoint row and no memory, and a listing
// finds it all the same, in order, in pages.
func TestListing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	r := open(t, folder)
	s := start(t, r, "gateway")
	for i := range 700 {
		id := openSession(t, s)
		if i%2 == 0 {
			if err := s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := r.Close(); err != nil { // the others are closed, all is archived
		t.Fatal(err)
	}
	r = open(t, folder)
	s = start(t, r, "gateway")
	for range 10 {
		openSession(t, s)
	}
	for name, c := range map[string]struct {
		query gatebook.Query
		first uint64
		n     int
		total uint64
	}{
		"live":         {gatebook.Query{Live: true}, 701, 10, 10},
		"live page":    {gatebook.Query{Live: true, Skip: 3, Limit: 4}, 704, 4, 10},
		"past the end": {gatebook.Query{Live: true, Skip: 30, Limit: 4}, 0, 0, 10},
		"closed":       {gatebook.Query{Closed: true}, 1, 700, 700},
		"closed page":  {gatebook.Query{Closed: true, Skip: 300, Limit: 5}, 301, 5, 700},
		"all":          {gatebook.Query{Live: true, Closed: true, Lost: true}, 1, 710, 710},
		"across":       {gatebook.Query{Live: true, Closed: true, Skip: 698, Limit: 4}, 699, 4, 710},
		"lost":         {gatebook.Query{Lost: true}, 0, 0, 0},
		"unspecified":  {gatebook.Query{}, 701, 10, 10},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := r.Sessions(c.query)
			if err != nil {
				t.Fatal(err)
			}
			n, next := 0, c.first
			for v, err := range l.All() {
				if err != nil {
					t.Fatal(err)
				}
				if v.ID != next {
					t.Fatalf("session %d where %d belongs", v.ID, next)
				}
				n, next = n+1, next+1
			}
			if n != c.n || l.Total != c.total {
				t.Errorf("%d sessions of %d, want %d of %d", n, l.Total, c.n, c.total)
			}
		})
	}
}

// Observed counters are shown, and are gone with the session.
func TestObserve(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "data"))
	s := start(t, r, "gateway")
	id := openSession(t, s)
	before := r.Moment().Sequence
	active := events.TimeOf(time.Now())
	s.Observe([]gatebook.Sample{{Session: id, Counters: events.Counters{Reads: 7}, Active: active}, {Session: 99}})
	v := session(t, r, id)
	if counters, at := v.Current(0); counters.Reads != 7 || at != active || v.Counters().Reads != 0 {
		t.Errorf("observed %+v at %v, recorded %+v", counters, at, v.Counters())
	}
	if r.Moment().Sequence != before {
		t.Error("observing was recorded")
	}
	if err := s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed, Finals: []events.Final{{Counters: events.Counters{Reads: 9}, Active: active + 1}}}); err != nil {
		t.Fatal(err)
	}
	v = session(t, r, id)
	if counters, _ := v.Current(0); counters.Reads != 9 || v.Observed != nil {
		t.Errorf("after the end %+v, %+v", counters, v.Observed)
	}
}

// A log whose file is removed while it is in use takes nothing more: it would be
// lost with the process.
func TestFileRemoved(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	reported := make(chan error, 8)
	r, err := gatebook.Open(t.Context(), folder, gatebook.Options{Report: func(err error) { reported <- err }})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, r, "gateway")
	id := openSession(t, s)
	remove(t, folder, firstSegment)
	for late, noticed := time.After(30*time.Second), false; !noticed; {
		select {
		case err := <-reported:
			// The look at the chain of segments, when it is opened, can be first.
			if noticed = strings.Contains(err.Error(), "the log's file is gone"); !noticed && !strings.Contains(err.Error(), "it is missing") {
				t.Errorf("reported %v", err)
			}
		case <-late:
			t.Fatal("nobody noticed")
		}
	}
	if err := r.Err(); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("it says %v of itself", err)
	}
	if _, err := s.Open(t.Context(), events.SessionOpened{Service: "orders"}); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("opening: %v", err)
	}
	if v := session(t, r, id); v.Status != projection.Live {
		t.Error("reading stopped as well")
	}
	if err := r.Close(); !errors.Is(err, storage.ErrReadOnly) {
		t.Errorf("closing says %v", err)
	}
}
