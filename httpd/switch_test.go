package httpd_test

import (
	"net/http"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/httpd"
)

// A service is stopped and started. Each is answered when it is recorded.
func TestSwitchService(t *testing.T) {
	registry := openBook(t, newClock())
	source := startSource(t, registry, "gateway")
	check(t, source.DeclareService(t.Context(), events.ServiceDeclared{Name: "My Service", Protocol: "mysql", Router: "roundrobin"}))
	check(t, startSource(t, registry, "gatebook").DeclareService(t.Context(), events.ServiceDeclared{Name: "gatebook", Protocol: "http"}))
	_, err := source.Open(t.Context(), events.SessionOpened{Service: "By Name"})
	check(t, err)
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	c := client(t)
	for _, step := range []struct {
		path    string
		status  int
		body    string
		stopped bool
	}{
		{"/services/my-service/stop", http.StatusNoContent, "", true},
		{"/services/my-service/stop", http.StatusNoContent, "", true},
		{"/services/My%20Service/start", http.StatusNoContent, "", false},
		{"/services/none/stop", http.StatusNotFound, "Service not found", false},
		{"/services/gatebook/stop", http.StatusBadRequest, `"Service \"gatebook\" is not one of a gateway's, and only those can be stopped."`, false},
		{"/services/by-name/stop", http.StatusBadRequest, `"Service \"By Name\" is not one of a gateway's`, false},
		{"/services/my-service/stop?now=1", http.StatusBadRequest, "Unknown parameter", false},
		{"/services/my-service/restart", http.StatusNotFound, "Not found", false},
	} {
		got := ask(t, c, http.MethodPut, base+step.path)
		if got.status != step.status || !strings.Contains(got.body, step.body) {
			t.Errorf("PUT %s: %d %s", step.path, got.status, got.body)
		}
		if v, _, _ := registry.Service("my-service"); v.Stopped != step.stopped {
			t.Errorf("PUT %s: stopped is %v", step.path, v.Stopped)
		}
		want := `"state":"started"`
		if step.stopped {
			want = `"state":"stopped"`
		}
		if got := ask(t, c, http.MethodGet, base+"/services/my-service"); !strings.Contains(got.body, want) {
			t.Errorf("after PUT %s: %s", step.path, got.body)
		}
	}
	if got := ask(t, c, http.MethodGet, base+"/services/my-service/stop"); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "OPTIONS, PUT" {
		t.Errorf("GET of what is to be PUT: %d, Allow %q", got.status, got.header.Get("Allow"))
	}
}
