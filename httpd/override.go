package httpd

import (
	"net/http"
	"strconv"
	"strings"

	"gatebook/httpd/render"
)

// headerOverride names the method that is meant by a client that can send none but
// GET, PUT and POST.
const headerOverride = "X-Http-Method-Override"

// overriding makes a request the one that is meant, before anything is decided upon
// it: who may do it, and what it is.
func overriding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if values := r.Header[headerOverride]; values != nil && canOverride(r.Method) && known(values) {
			r.Method = values[0]
		}
		next.ServeHTTP(w, r)
	})
}

func canOverride(method string) bool { return method == http.MethodPut || method == http.MethodPost }

func known(values []string) bool {
	return len(values) == 1 && (values[0] == http.MethodDelete || values[0] == http.MethodPatch)
}

// checkOverride refuses a request that means a method which cannot be meant so.
func checkOverride(r *http.Request) error {
	values := r.Header[headerOverride]
	if values == nil || !canOverride(r.Method) || known(values) {
		return nil
	}
	return &render.Failure{
		Status: http.StatusBadRequest, Title: "Invalid header",
		Description: "X-HTTP-Method-Override: " + strconv.Quote(strings.Join(values, ", ")) +
			" is not known: with PUT and POST it is DELETE or PATCH, and given once.",
	}
}
