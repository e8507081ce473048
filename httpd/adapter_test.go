package httpd

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/rs/zerolog"

	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// stillRegistry is a registry of which only the clock and the moment are used.
type stillRegistry struct{ Registry }

func (stillRegistry) Now() time.Time            { return time.Unix(1, 0) }
func (stillRegistry) Moment() projection.Moment { return projection.Moment{Sequence: 7} }

// failingList yields n names and then an error.
func failingList(n int) iter.Seq2[word, error] {
	return func(yield func(word, error) bool) {
		for range n {
			if !yield(word{status: strings.Repeat("x", 1000)}, nil) {
				return
			}
		}
		yield(word{}, errors.New("the archive is damaged"))
	}
}

// TestListThatBreaks checks the answer of a list whose reading fails: an error when nothing
// was sent yet, otherwise an answer that is cut off.
func TestListThatBreaks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		names int
		cut   bool
	}{{3, false}, {3000, true}} {
		var log bytes.Buffer
		config := Config{Registry: stillRegistry{}, Logger: zerolog.New(&log)}.orDefaults()
		answers := newAnswers(config.Registry, "", nil)
		engine := gin.New()
		engine.GET("/", newAdapter(config, answers, newAuthenticator(config, newRecorder(config))).adapt(endpoint{handle: func(c2 *gin.Context) error {
			setTotal(c2, 9)
			a := answers.begin(c2, config.Registry.Moment(), params.Parameters{})
			defer a.Release()
			return render.List(a, statusResource().Usual, failingList(c.names))
		}}))
		server := httptest.NewServer(engine)
		w, err := http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(w.Body)
		w.Body.Close()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
		if c.cut != (err != nil) || c.cut != (w.StatusCode == http.StatusOK) {
			t.Errorf("%d names: got %d, %v", c.names, w.StatusCode, err)
		}
		if !c.cut && (string(body) != string(failureOf(errors.New("")).AppendJSON(nil)) || w.Header.Get(headerTotal) != "") {
			t.Errorf("got %v %s", w.Header, body)
		}
		if !strings.Contains(log.String(), "the archive is damaged") {
			t.Errorf("the log says %q", log.String())
		}
	}
}
