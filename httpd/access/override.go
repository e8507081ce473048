package access

import (
	"net/http"
	"strconv"
	"strings"

	"gatebook/httpd/render"
)

// headerOverride names the method that a client means which can send only GET, PUT and
// POST.
const headerOverride = "X-Http-Method-Override"

// OverrideMethod returns a handler that gives a request the method its client means, before
// next decides anything about it.
func OverrideMethod(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if values := r.Header[headerOverride]; values != nil && canOverride(r.Method) && isOverride(values) {
			r.Method = values[0]
		}
		next.ServeHTTP(w, r)
	})
}

// CheckOverride refuses a request whose header for the method is malformed. Errors: a
// [*render.Failure].
func CheckOverride(r *http.Request) error {
	values := r.Header[headerOverride]
	if values == nil || !canOverride(r.Method) || isOverride(values) {
		return nil
	}
	return &render.Failure{
		Status: http.StatusBadRequest, Title: "Invalid header",
		Description: "X-HTTP-Method-Override: " + strconv.Quote(strings.Join(values, ", ")) +
			" is not known: with PUT and POST it is DELETE or PATCH, and given once.",
	}
}

// canOverride reports whether a request of that method can mean another one.
func canOverride(method string) bool { return method == http.MethodPut || method == http.MethodPost }

// isOverride reports whether the values of the header name a method that can be meant.
func isOverride(values []string) bool {
	return len(values) == 1 && (values[0] == http.MethodDelete || values[0] == http.MethodPatch)
}
