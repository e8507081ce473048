package httpd

import (
	"io"
	"iter"
	"net/http"

	"gatebook/events"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// WriteSessionsCSV writes sessions as CSV with all columns: byte for byte what GET
// /sessions?status=all&fields=* answers for them at the time now. It returns the first error of
// the sessions, or of the writer.
func WriteSessionsCSV(w io.Writer, now events.Time, all iter.Seq2[projection.View, error]) error {
	shape, err := sessionResource().Shape([]string{"*"})
	if err != nil {
		return err
	}
	to := &plainWriter{w: w}
	a := new(render.Pool).Begin(to, render.Options{Representation: render.Representation{Form: render.CSV, Plain: true}, Now: now})
	defer a.Release()
	err = render.List(a, shape, all)
	if to.failed != nil {
		return to.failed
	}
	return err
}

// plainWriter takes the body of an answer that no client has asked for.
type plainWriter struct {
	w      io.Writer
	header http.Header
	failed error // of w
}

// Header is of [http.ResponseWriter].
func (p *plainWriter) Header() http.Header {
	if p.header == nil {
		p.header = make(http.Header)
	}
	return p.header
}

// WriteHeader is of [http.ResponseWriter].
func (p *plainWriter) WriteHeader(int) {}

// Write is of [http.ResponseWriter].
func (p *plainWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	if err != nil {
		p.failed = err
	}
	return n, err
}
