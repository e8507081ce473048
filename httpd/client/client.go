package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatebook/httpd/control"
)

// Options are the choices of [New]. The zero value asks without credentials.
type Options struct {
	// User and Password are credentials of HTTP Basic; User "" sends none.
	User, Password string
	// Token is a bearer token; "" sends none. It wins over User.
	Token string
	// Socket is the path of the server's control socket: requests go there, whatever the
	// host of the address is. "" means the network.
	Socket string
	// TLS is how TLS is spoken; nil means with the system's authorities.
	TLS *tls.Config
	// UserAgent names the program in the server's book; "" means gatebook-client.
	UserAgent string
	// Silence is how long the server may say nothing before it is given up; 0 means 45 s.
	Silence time.Duration
	// Pause is how long it may send nothing in the middle of an answer; 0 means 1 min.
	Pause time.Duration
}

// Client asks one server.
type Client struct {
	base    *url.URL
	options Options
	http    *http.Client
}

// answerLimit bounds an answer that is read whole, in bytes.
const answerLimit = 64 << 20

// New returns a client of the server at an address such as http://127.0.0.1:8989, which may
// have a path that the server's paths are below. It connects to nothing.
func New(address string, o Options) (*Client, error) {
	base, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, fmt.Errorf("server address %q: %w", address, err)
	case base.Scheme != "http" && base.Scheme != "https" || base.Host == "":
		return nil, fmt.Errorf("server address %q is no http:// or https:// address of a host", address)
	case base.RawQuery != "" || base.Fragment != "" || base.User != nil:
		return nil, fmt.Errorf("server address %q has a query, a fragment or credentials; it can have a host and a path", address)
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	if o.UserAgent == "" {
		o.UserAgent = "gatebook-client"
	}
	if o.Silence == 0 {
		o.Silence = silence
	}
	if o.Pause == 0 {
		o.Pause = pause
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, ResponseHeaderTimeout: o.Silence,
		DisableCompression: true, // what is followed has to arrive at once
	}
	if o.Socket != "" {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return control.Dial(ctx, o.Socket)
		}
	}
	return &Client{base: base, options: o, http: &http.Client{
		Transport: transport,
		// A redirect would carry credentials elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// request is a request under construction.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         io.Reader
}

// send sends a request and returns the answer, whose body the caller closes. An answer
// other than success is an [*Error].
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	target := *c.base
	target.Path, target.RawPath = "", ""
	address := target.String() + c.base.EscapedPath() + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	answered, end := context.WithCancelCause(ctx)
	q, err := http.NewRequestWithContext(answered, r.method, address, r.body)
	if err != nil {
		end(nil)
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	for name, values := range r.header {
		q.Header[name] = values
	}
	q.Header.Set("User-Agent", c.options.UserAgent)
	switch {
	case c.options.Token != "":
		q.Header.Set("Authorization", "Bearer "+c.options.Token)
	case c.options.User != "":
		q.SetBasicAuth(c.options.User, c.options.Password)
	}
	answer, err := c.http.Do(q)
	if err != nil {
		end(nil)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err = reason(err)
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			err = c.silent()
		}
		return nil, &UnreachableError{Address: c.Address(), Err: err}
	}
	answer.Body = &pausingBody{ReadCloser: answer.Body, request: answered, end: end, stalled: &StalledError{Address: c.Address(), After: c.options.Pause}}
	if answer.StatusCode >= 300 {
		defer answer.Body.Close()
		return nil, errorOf(answer)
	}
	return answer, nil
}

// silent returns the error for a server that says nothing.
func (c *Client) silent() error {
	return fmt.Errorf("nothing came for %s; its process may be stopped or the machine overloaded", c.options.Silence)
}

// Address returns where requests go: the control socket's path, or the server's address.
func (c *Client) Address() string {
	if c.options.Socket != "" {
		return c.options.Socket
	}
	return c.base.String()
}

// reason returns what is wrong with a connection, without the request's address around it.
func reason(err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		return outer.Err
	}
	return err
}

// get decodes the answer to a GET into v and returns its header.
func (c *Client) get(ctx context.Context, path string, query url.Values, v any) (http.Header, error) {
	answer, err := c.send(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return answer.Header, decode(answer, v)
}

// decode reads the JSON of an answer into v.
func decode(answer *http.Response, v any) error {
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit+1))
	switch {
	case err != nil:
		return fmt.Errorf("read the answer to %s: %w", answer.Request.URL.Path, err)
	case len(body) > answerLimit:
		return fmt.Errorf("the answer to %s is longer than %d bytes", answer.Request.URL.Path, answerLimit)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("the answer to %s is not what a Gatebook server sends: %w", answer.Request.URL.Path, err)
	}
	return nil
}

// segment escapes a name as one segment of a path.
func segment(name string) string { return "/" + url.PathEscape(name) }
