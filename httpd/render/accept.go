package render

import (
	"net/http"
	"strconv"
	"strings"
)

// negotiateForm returns the media type that the header Accept prefers among the forms that
// an answer has, best first.
func negotiateForm(header http.Header, forms []string) (string, error) {
	accept := header["Accept"]
	// RFC 9110 allows an empty value, which asks for nothing.
	if len(accept) == 1 && accept[0] == "*/*" || strings.Trim(strings.Join(accept, ""), " \t,") == "" {
		return forms[0], nil
	}
	chosen, best := "", 0.0
	for _, form := range forms {
		if q := quality(accept, form); q > best {
			chosen, best = form, q
		}
	}
	if chosen == "" {
		return "", &Failure{
			Status: http.StatusNotAcceptable, Title: "Not acceptable",
			Description: "The answer is " + strings.Join(forms, " or ") + ", which Accept: " + strings.Join(accept, ", ") + " rules out.",
		}
	}
	return chosen, nil
}

// quality returns the weight that the values of Accept give to a media type, from 0 for not
// acceptable to 1. The most specific range that matches decides.
func quality(accept []string, form string) float64 {
	kind, _, _ := strings.Cut(form, "/")
	rank, q := 0, 0.0
	for _, value := range accept {
		for item := range strings.SplitSeq(value, ",") {
			media, parameters, _ := strings.Cut(item, ";")
			media = strings.TrimSpace(media)
			matches := 0
			switch {
			case strings.EqualFold(media, form):
				matches = 3
			case strings.EqualFold(media, kind+"/*"):
				matches = 2
			case media == "*/*":
				matches = 1
			}
			if matches > rank {
				rank, q = matches, weight(parameters)
			}
		}
	}
	return q
}

// weight returns the parameter q of an element: 1 when there is none, 0 when it is
// malformed.
func weight(parameters string) float64 {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		if len(value) > len("0.000") || strings.Trim(value, "0123456789.") != "" {
			return 0
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || q > 1 {
			return 0
		}
		return q
	}
	return 1
}
