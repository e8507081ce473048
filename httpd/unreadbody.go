package httpd

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"

	"gatebook/httpd/clients"
)

// closeUnread returns a handler that closes the connection of each request whose body it has
// not read to its end: what the client sends of that body later would be answered as its next
// request. It closes those with a body in chunks too, because net/http does not say whether
// the request had a length besides, and such a connection has to be closed (RFC 9112, 6.1).
func closeUnread(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		body := &countedBody{ReadCloser: r.Body, left: r.ContentLength}
		// net/http looks at the body of its own request when the answer begins.
		r = r.WithContext(r.Context())
		r.Body = body
		answer := &closingWriter{ResponseWriter: w, body: body, inChunks: r.ContentLength < 0}
		next.ServeHTTP(answer, r)
		if own := clients.Of(r); own != nil && answer.duplex && !body.ended.Load() {
			own.ReadNoMore() // the answer began before that was known
		}
	})
}

// countedBody is a request's body that notes when it has been read to its end.
type countedBody struct {
	io.ReadCloser
	left  int64 // bytes until its end; negative when its length is not known
	ended atomic.Bool
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left > 0 {
		if b.left -= int64(n); b.left == 0 {
			b.ended.Store(true)
		}
	}
	if errors.Is(err, io.EOF) {
		b.ended.Store(true)
	}
	return n, err
}

// closingWriter has net/http close the connection after an answer, unless the request's body
// has been read by the time the answer begins.
type closingWriter struct {
	http.ResponseWriter
	body     *countedBody
	inChunks bool
	duplex   bool // the body is read while the answer is sent
	begun    bool
}

// WriteHeader implements [http.ResponseWriter].
func (w *closingWriter) WriteHeader(status int) {
	if !w.begun && status >= http.StatusOK {
		w.begun = true
		if w.inChunks || !w.duplex && !w.body.ended.Load() {
			w.Header().Set("Connection", "close")
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (w *closingWriter) Write(b []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// EnableFullDuplex notes that the body is read while the answer is sent: see
// [http.ResponseController.EnableFullDuplex].
func (w *closingWriter) EnableFullDuplex() error {
	w.duplex = true
	return http.NewResponseController(w.ResponseWriter).EnableFullDuplex()
}

// Flush implements [http.Flusher].
func (w *closingWriter) Flush() {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap lets a handler reach the connection's deadlines.
func (w *closingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
