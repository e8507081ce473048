package render

import (
	"net/http"
	"strings"
)

// worthwhile is the length from which on a body is compressed. A shorter one fits into one
// packet as it is.
const worthwhile = 1400

// Representation is the form of an answer that a client has asked for.
type Representation struct {
	// Form is the media type; "" for JSON.
	Form string
	// Gzip allows a compressed body, Plain one that is not compressed.
	Gzip, Plain bool
}

// suffix returns the end of the form's entity tags, "" for JSON.
func (r Representation) suffix() string {
	switch r.Form {
	case NDJSON:
		return ";ndjson"
	case CSV:
		return ";csv"
	}
	return ""
}

// Negotiate returns the representation that a request's headers Accept and Accept-Encoding
// ask for. forms are the media types that the answer can have, best first. Errors: a
// [*Failure] when the headers rule out all of them.
func Negotiate(header http.Header, forms []string) (Representation, error) {
	form, err := negotiateForm(header, forms)
	if err != nil {
		return Representation{}, err
	}
	r := Representation{Plain: true}
	if form != JSON {
		r.Form = form
	}
	if encoding := header["Accept-Encoding"]; encoding != nil {
		if r.Gzip, r.Plain = codings(encoding); !r.Gzip && !r.Plain {
			return r, &Failure{
				Status: http.StatusNotAcceptable, Title: "Not acceptable",
				Description: "The answer comes as it is (identity) or compressed (gzip), and Accept-Encoding: " +
					strings.Join(encoding, ", ") + " rules out both.",
			}
		}
	}
	return r, nil
}

// codings reports whether the values of Accept-Encoding allow gzip, and whether they allow no
// coding. gzip is false also when the client prefers no coding.
func codings(values []string) (gzip, plain bool) {
	zipped, identity, other := -1.0, -1.0, -1.0
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			name, parameters, _ := strings.Cut(item, ";")
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "gzip", "x-gzip":
				zipped = weight(parameters)
			case "identity":
				identity = weight(parameters)
			case "*":
				other = weight(parameters)
			}
		}
	}
	if zipped < 0 {
		zipped = max(other, 0)
	}
	if identity < 0 && other == 0 {
		identity = 0
	}
	return zipped > 0 && zipped >= identity, identity != 0
}

// zippedTag returns the entity tag of the compressed form.
func zippedTag(tag string) string { return strings.TrimSuffix(tag, `"`) + `;gzip"` }
