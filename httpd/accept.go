package httpd

import (
	"net/http"
	"strconv"
	"strings"
)

const contentJSON = "application/json"

// checkAccept refuses a client that does not take JSON.
func checkAccept(r *http.Request) error {
	values := r.Header["Accept"]
	if len(values) == 0 || takesJSON(values) {
		return nil
	}
	return &failure{
		status: http.StatusNotAcceptable, short: "Not acceptable",
		long: "The answer is " + contentJSON + ", which Accept: " + strings.Join(values, ", ") + " rules out.",
	}
}

// takesJSON tells whether the values of Accept allow JSON. The most specific range
// that matches decides.
func takesJSON(values []string) bool {
	best, takes := 0, false
	for _, value := range values {
		if value == "*/*" || value == contentJSON {
			return true
		}
		for item := range strings.SplitSeq(value, ",") {
			media, parameters, _ := strings.Cut(item, ";")
			rank := 0
			switch strings.ToLower(strings.TrimSpace(media)) {
			case contentJSON:
				rank = 3
			case "application/*":
				rank = 2
			case "*/*":
				rank = 1
			}
			if rank > best {
				best, takes = rank, weight(parameters) > 0
			}
		}
	}
	return takes
}

// weight is the q of a media range's parameters, 1 when it has none.
func weight(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0
			}
			return q
		}
	}
	return 1
}
