package httpd_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/content"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"gatebook/httpd"
)

// contract is openapi.yaml in memory.
type contract struct {
	model *v3.Document
	// whole checks answers, heads those to HEAD, which have no body.
	whole, heads validator.Validator
}

// readContract reads it once for all tests: compiling its schemas takes a while.
var readContract = sync.OnceValues(func() (*contract, error) {
	document, err := libopenapi.NewDocument(httpd.Contract())
	if err != nil {
		return nil, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	strict := []config.Option{
		config.WithStrictMode(), config.WithFormatAssertions(),
		// They are on every answer, and described once.
		config.WithStrictIgnoredHeadersExtra("Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "Strict-Transport-Security", "Connection",
			"Cache-Control", "Cross-Origin-Resource-Policy", "Cross-Origin-Opener-Policy", "X-Accel-Buffering"),
		config.WithBodyDecoder("application/x-ndjson", content.DecoderFunc(decodeLines)),
		config.WithBodyDecoder("text/csv", content.DecoderFunc(decodeTable)),
		config.WithBodyDecoder("application/yaml", content.DecoderFunc(decodeText)),
		config.WithBodyDecoder("application/x-tar", content.DecoderFunc(decodeText)),
		config.WithBodyDecoder("text/html", content.DecoderFunc(decodeText)),
		config.WithBodyDecoder("text/javascript", content.DecoderFunc(decodeText)),
		config.WithBodyDecoder("text/css", content.DecoderFunc(decodeText)),
		config.WithBodyDecoder("image/svg+xml", content.DecoderFunc(decodeText)),
	}
	return &contract{
		model: &model.Model,
		whole: validator.NewValidatorFromV3Model(&model.Model, strict...),
		heads: validator.NewValidatorFromV3Model(&model.Model, append(strict, config.WithoutResponseBodyValidation())...),
	}, nil
})

// decodeLines reads NDJSON as a list.
func decodeLines(in *content.DecodeInput) (any, error) {
	all := []any{}
	for d := json.NewDecoder(in.Body); ; {
		var v any
		switch err := d.Decode(&v); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		all = append(all, v)
	}
}

// decodeTable reads CSV, whose lines must be of one length, as text.
func decodeTable(in *content.DecodeInput) (any, error) {
	rows, err := csv.NewReader(in.Body).ReadAll()
	if err == nil && len(rows) == 0 {
		err = errors.New("there is no header")
	}
	return "a table", err
}

func decodeText(in *content.DecodeInput) (any, error) {
	text, err := io.ReadAll(in.Body)
	return string(text), err
}

func theContract(t testing.TB) *contract {
	t.Helper()
	c, err := readContract()
	check(t, err)
	return c
}

// checked compares every answer of a server with the contract.
func checked(t testing.TB, server *httpd.Server) {
	t.Helper()
	c := theContract(t)
	server.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen := &witness{ResponseWriter: w}
			next.ServeHTTP(seen, r) // an answer that is cut off panics, and is not looked at
			path := r.URL.EscapedPath()
			if base := server.Base(); base != "" {
				if path == base {
					return // the contract is of what is below it
				}
				if below, ok := strings.CutPrefix(path, base); ok && strings.HasPrefix(below, "/") {
					path = below
				}
			}
			if complaint := c.complaint(r, path, seen); complaint != "" {
				t.Errorf("%s %s: %d is not as openapi.yaml says: %s", r.Method, r.URL.RequestURI(), seen.status, complaint)
			}
		})
	})
}

// witness keeps a copy of an answer.
type witness struct {
	http.ResponseWriter
	status int
	header http.Header
	body   bytes.Buffer
}

func (w *witness) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status, w.header = status, w.Header().Clone()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *witness) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.body.Write(b)
	return w.ResponseWriter.Write(b)
}

// text returns the body as it was before it was compressed.
func (w *witness) text() (string, error) {
	var from io.Reader = &w.body
	if w.header.Get("Content-Encoding") == "gzip" && w.body.Len() > 0 {
		zip, err := gzip.NewReader(from)
		if err != nil {
			return "", err
		}
		from = zip
	}
	text, err := io.ReadAll(from)
	return string(text), err
}

// Unwrap lets a handler reach the connection's deadlines.
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush implements [http.Flusher].
func (w *witness) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.ResponseWriter.(http.Flusher).Flush()
}

// complaint returns what is wrong with the answer of a path, "" when nothing is.
func (c *contract) complaint(r *http.Request, sent string, seen *witness) string {
	if seen.status == 0 {
		return "there is no answer"
	}
	method := r.Method
	path := c.pathOf(sent)
	operations := c.operations(path)
	switch {
	case method == http.MethodOptions && seen.status == http.StatusNoContent && (path != "" || r.RequestURI == "*"):
		if seen.header.Get("Allow") == "" || seen.body.Len() > 0 {
			return fmt.Sprintf("OPTIONS has %v, %q", seen.header, &seen.body)
		}
		return ""
	case path == "":
		// The contract has no unknown path; its answer has to be an error.
		if seen.status < http.StatusBadRequest {
			return "the path is not in it"
		}
		if seen.status == http.StatusMethodNotAllowed {
			return "the path is not in it, and has methods"
		}
		method, path = http.MethodGet, "/sessions/{id}"
		seen.header.Set("Allow", "nothing")
	case method == http.MethodHead && slices.Contains(operations, http.MethodGet):
		method = http.MethodGet
	case !slices.Contains(operations, method):
		if seen.status < http.StatusBadRequest {
			return "the method is not in it"
		}
		method = operations[0] // all say the same of what is refused before it is looked at
	}
	return c.check(method, path, r.Method == http.MethodHead, seen)
}

// check compares an answer with an operation.
func (c *contract) check(method, path string, headOnly bool, seen *witness) string {
	request, err := http.NewRequest(method, "http://localhost"+strings.NewReplacer("{", "", "}", "").Replace(path), nil)
	if err != nil {
		return err.Error()
	}
	body := ""
	if !headOnly {
		if body, err = seen.text(); err != nil {
			return err.Error()
		}
	}
	response := &http.Response{StatusCode: seen.status, Header: seen.header, Body: io.NopCloser(strings.NewReader(body))}
	v := c.whole
	if headOnly || path == "/" && body == "" { // what is no browser gets no body there
		v = c.heads
	}
	valid, complaints := v.ValidateHttpResponse(request, response)
	if valid {
		return ""
	}
	var text strings.Builder
	for _, complaint := range complaints {
		fmt.Fprintf(&text, "%s: %s", complaint.Message, complaint.Reason)
		for _, detail := range complaint.SchemaValidationErrors {
			fmt.Fprintf(&text, "; %s at %s", detail.Reason, detail.KeywordLocation)
		}
	}
	return text.String()
}

// pathOf returns the path of the contract that matches the path of a request, "" for none.
func (c *contract) pathOf(sent string) string {
	parts := strings.Split(sent, "/")
	for path := range c.model.Paths.PathItems.FromOldest() {
		matches := slices.EqualFunc(strings.Split(path, "/"), parts, func(a, b string) bool {
			return a == b || strings.HasPrefix(a, "{") && b != ""
		})
		if matches {
			return path
		}
	}
	return ""
}

// operations returns the methods of a path of the contract, in order.
func (c *contract) operations(path string) []string {
	if path == "" {
		return nil
	}
	var all []string
	item, _ := c.model.Paths.PathItems.Get(path)
	for method := range item.GetOperations().FromOldest() {
		all = append(all, strings.ToUpper(method))
	}
	slices.Sort(all)
	return all
}
