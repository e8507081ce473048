package params

import (
	"fmt"
	"net/http"
	"strings"

	"gatebook/httpd/render"
)

// Invalid returns the failure of a parameter that cannot be taken.
func Invalid(format string, args ...any) error {
	return &render.Failure{Status: http.StatusBadRequest, Title: "Invalid parameter", Description: fmt.Sprintf(format, args...)}
}

// unknown returns the failure of a parameter that an operation does not take.
func unknown(name string, known []string) error {
	description := fmt.Sprintf("The parameter %q is not known here. ", name)
	if len(known) == 0 {
		description += "None is."
	} else {
		if like := render.Nearest(name, known); like != "" {
			description += fmt.Sprintf("Did you mean %s? ", like)
		}
		description += "Known are: " + strings.Join(known, ", ") + "."
	}
	return &render.Failure{Status: http.StatusBadRequest, Title: "Unknown parameter", Description: description}
}

// meant returns a question whether the nearest of some names was meant, ":" when none is
// near.
func meant(name string, known []string) string {
	if like := render.Nearest(name, known); like != "" {
		return "; did you mean " + like + "? If not,"
	}
	return ":"
}

// either returns a list of names, the last after an "or".
func either(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
