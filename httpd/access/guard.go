package access

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

// Guard refuses requests that are not for this API, whatever account they have.
type Guard struct {
	hosts      []string // in lower case
	maxLine    int
	maxHeaders int
	insecure   bool
}

// NewGuard returns a guard for an API that answers to these host names, besides addresses
// and localhost. maxLine is how many bytes a request line may have, maxHeaders how many all
// headers. insecure answers clients on other machines and behind proxies although there are no
// accounts.
func NewGuard(hosts []string, maxLine, maxHeaders int, insecure bool) *Guard {
	g := &Guard{maxLine: maxLine, maxHeaders: maxHeaders, insecure: insecure}
	for _, host := range hosts {
		g.hosts = append(g.hosts, strings.ToLower(strings.TrimSuffix(host, ".")))
	}
	return g
}

// Check refuses a request that is too long, for another host or from another origin, and,
// when it is anonymous because there are no accounts, a client on another machine. Errors: a
// [*render.Failure].
func (g *Guard) Check(r *http.Request, anonymous bool) error {
	if err := g.CheckSize(r); err != nil {
		return err
	}
	if anonymous && !g.insecure {
		if err := checkClient(r); err != nil {
			return err
		}
	}
	return g.checkHost(r)
}

// checkHost refuses a request for another host or from another origin.
func (g *Guard) checkHost(r *http.Request) error {
	if !g.isForUs(r) {
		return Forbidden("This API does not answer to the host name " + strconv.Quote(r.Host) +
			": use an IP address or localhost, or add the name to hosts in the configuration.")
	}
	if err := checkFetchSite(r); err != nil {
		return err
	}
	if origins := r.Header["Origin"]; origins != nil {
		return checkOrigin(r, origins)
	}
	return nil
}

// CheckHost refuses a request that is too long, for another host or from another origin.
// Errors: a [*render.Failure].
func (g *Guard) CheckHost(r *http.Request) error {
	if err := g.CheckSize(r); err != nil {
		return err
	}
	return g.checkHost(r)
}

// CheckSize refuses a request line and headers that are too long. Errors: a
// [*render.Failure].
func (g *Guard) CheckSize(r *http.Request) error {
	n := len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("  ")
	if n <= g.maxLine {
		return g.checkHeaders(r)
	}
	return &render.Failure{
		Status: http.StatusRequestURITooLong, Title: "Request line too long",
		Description: "The request line has " + strconv.Itoa(n) + " bytes; " + strconv.Itoa(g.maxLine) + " are allowed.",
	}
}

// checkHeaders refuses headers that are too long: their lines, each with its end.
func (g *Guard) checkHeaders(r *http.Request) error {
	n := 0
	if r.Host != "" {
		n = len("Host: \r\n") + len(r.Host) // net/http takes it out of the headers
	}
	for name, values := range r.Header {
		for _, value := range values {
			n += len(name) + len(": \r\n") + len(value)
		}
	}
	if n <= g.maxHeaders {
		return nil
	}
	return &render.Failure{
		Status: http.StatusRequestHeaderFieldsTooLarge, Title: "Headers too large",
		Description: "The headers have " + strconv.Itoa(n) + " bytes; " + strconv.Itoa(g.maxHeaders) + " are allowed.",
	}
}

// checkClient refuses a client on another machine. Behind a proxy on this machine every
// client looks as if it were on this machine too, but most proxies add a header of their
// own.
func checkClient(r *http.Request) error {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !client.Addr().Unmap().IsLoopback() {
		return Forbidden("There are no accounts, so only clients on this machine are answered, at a loopback address.")
	}
	for name := range r.Header {
		if isOfProxy(name) {
			return Forbidden("There are no accounts, so only clients on this machine are answered, and the header " +
				name + " tells of one elsewhere: do not put a proxy before this API.")
		}
	}
	return nil
}

// isOfProxy reports whether a proxy writes that header to name its client, or itself.
func isOfProxy(name string) bool {
	switch name {
	case "Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Forwarded-For", "X-Envoy-External-Address",
		"True-Client-Ip", "Cf-Connecting-Ip", "Fastly-Client-Ip":
		return true
	}
	return strings.HasPrefix(name, "X-Forwarded")
}

// isForUs reports whether a request names an address, to which no foreign name can be made
// to lead, or one of the API's own names. A request of HTTP/1.0, which no browser sends,
// need not name any.
func (g *Guard) isForUs(r *http.Request) bool {
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

// checkFetchSite refuses a request that a browser makes for a page of another site: it says
// so where the request has no origin too, as for a link or an image.
func checkFetchSite(r *http.Request) error {
	for _, site := range r.Header["Sec-Fetch-Site"] {
		if site != "same-origin" && site != "none" {
			return Forbidden("This API is not for web pages of another origin: the browser says Sec-Fetch-Site: " + strconv.Quote(site) + ".")
		}
	}
	return nil
}

// checkOrigin refuses a web page of another host. Browsers leave a scheme's own port out of
// an origin; other clients may name it in Host.
func checkOrigin(r *http.Request, origins []string) error {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(withoutPort(u.Host, u.Scheme), withoutPort(r.Host, u.Scheme)) {
			return Forbidden("This API is not for web pages of another origin, such as " + strconv.Quote(origin) + ".")
		}
	}
	return nil
}

// withoutPort returns a host without the port when it is its scheme's own.
func withoutPort(host, scheme string) string {
	switch strings.ToLower(scheme) {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// Protection returns the headers that keep browsers from showing answers of the API inside a
// page, running anything in them, or sending their address on. secured adds the header that
// keeps browsers from plain HTTP.
func Protection(secured bool) map[string][]string {
	all := map[string][]string{
		// A client keeps an answer for itself, and asks each time whether it has changed.
		"Cache-Control":                {"private, no-cache"},
		"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Referrer-Policy":              {"no-referrer"},
		"X-Content-Type-Options":       {"nosniff"},
	}
	if secured {
		all["Strict-Transport-Security"] = []string{"max-age=31536000"}
	}
	return all
}
