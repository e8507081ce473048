package httpd

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatebook/httpd/render"
)

// guard decides what is answered at all, whoever asks.
type guard struct {
	hosts    []string // names the API answers to, in lower case
	line     int      // how many bytes a request line may have
	insecure bool     // clients elsewhere and behind a proxy are served too
}

// check refuses a request that is not for this API, or, while nobody has to log in,
// from where it serves nobody.
func (g *guard) check(r *http.Request, anonymous bool) error {
	if err := g.checkLine(r); err != nil {
		return err
	}
	if anonymous && !g.insecure {
		if err := checkClient(r); err != nil {
			return err
		}
	}
	if !g.knows(r) {
		return forbidden("This API does not answer to the host name " + strconv.Quote(r.Host) +
			": use an IP address or localhost, or add the name to hosts in the configuration.")
	}
	if origins := r.Header["Origin"]; origins != nil {
		return checkOrigin(r, origins)
	}
	return nil
}

func (g *guard) checkLine(r *http.Request) error {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("  ")
	if n <= g.line {
		return nil
	}
	return &render.Failure{
		Status: http.StatusRequestURITooLong, Title: "Request line too long",
		Description: "The request line has " + strconv.Itoa(n) + " bytes; " + strconv.Itoa(g.line) + " are allowed.",
	}
}

// checkClient refuses a client that is not on this machine. Behind a proxy on this
// machine all clients look as if they were, but most proxies add a header of their own.
func checkClient(r *http.Request) error {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !client.Addr().Unmap().IsLoopback() {
		return forbidden("There are no accounts, so only clients on this machine are answered, at a loopback address.")
	}
	for name := range r.Header {
		if isOfProxy(name) {
			return forbidden("There are no accounts, so only clients on this machine are answered, and the header " +
				name + " tells of one elsewhere: do not put a proxy before this API.")
		}
	}
	return nil
}

// isOfProxy reports whether a header is one by which a proxy names its client, or itself.
func isOfProxy(name string) bool {
	switch name {
	case "Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Forwarded-For", "X-Envoy-External-Address",
		"True-Client-Ip", "Cf-Connecting-Ip", "Fastly-Client-Ip":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded")
}

// knows tells whether a request is for this API by an address, to which no
// foreign name can be made to lead, or by one of its own names. A request of
// HTTP/1.0, which no browser sends, may go without.
func (g *guard) knows(r *http.Request) bool {
	if r.Host == "" {
		return !r.ProtoAtLeast(1, 1)
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || slices.Contains(g.hosts, host)
}

// checkOrigin refuses a web page of another host. Browsers leave the port of a scheme out
// of an origin; other clients may name it in Host.
func checkOrigin(r *http.Request, origins []string) error {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(withoutPort(u.Host, u.Scheme), withoutPort(r.Host, u.Scheme)) {
			return forbidden("This API is not for web pages of another origin, such as " + strconv.Quote(origin) + ".")
		}
	}
	return nil
}

// withoutPort returns a host without the port that its scheme has anyway.
func withoutPort(host, scheme string) string {
	switch strings.ToLower(scheme) {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// protection are headers by which browsers keep what they show of the API to
// themselves, whatever page they come from.
func protection(secured bool) map[string][]string {
	all := map[string][]string{
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
		"Referrer-Policy":         {"no-referrer"},
		"X-Content-Type-Options":  {"nosniff"},
	}
	if secured {
		all["Strict-Transport-Security"] = []string{"max-age=31536000"}
	}
	return all
}
