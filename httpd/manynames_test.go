package httpd_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
)

// A source names so many services and servers and no more, however it names them, and all
// sources together so many: names are kept for ever. What is named already can be used.
func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	registry, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{
		Now: newClock().Now, Names: gatebook.NameLimits{PerSource: 3, Total: 5},
	})
	check(t, err)
	t.Cleanup(func() { check(t, registry.Close()) })
	local := startSource(t, registry, "gateway")
	base := "http://" + serve(t, httpd.Config{Registry: registry})
	n := 0
	send := func(source string, status int, says string, list ...string) {
		t.Helper()
		body := fmt.Sprintf(`{"source":%q,"incarnation":"a","events":[%s]}`, source, strings.Join(list, ","))
		if got := post(t, client(t), base+"/events", "application/json", body); got.status != status || !strings.Contains(got.body, says) {
			t.Errorf("%s, %s: got %d %s", source, list, got.status, got.body)
		}
	}
	opened := func(service string) string {
		n++
		return fmt.Sprintf(`{"kind":"session_opened","key":"k-%d","service":%q}`, n, service)
	}
	reaches := func(server string) string {
		return fmt.Sprintf(`{"kind":"connection_opened","key":"k-1","connection":%d,"server":%q}`, len(server), server)
	}
	const ofSource = `would be one of more than 3 that the source \"edge-1\" has named`
	send("edge-1", 200, "", opened("a"), opened("a"), `{"kind":"service_declared","name":"b","servers":["s","ss"]}`)
	send("edge-1", 422, `Event 1, session_opened of \"k-4\": the service \"d\" `+ofSource, opened("c"), opened("d"))
	send("edge-1", 200, "", opened("c"))
	send("edge-1", 422, ofSource, `{"kind":"service_declared","name":"d"}`)
	send("edge-1", 200, "", reaches("sss"), opened("b"))
	send("edge-1", 422, ofSource, reaches("ssss"))
	send("edge-1", 422, ofSource, `{"kind":"connection_failed","key":"k-1","connection":9,"server":"t","cause":"refused"}`)
	send("edge-1", 422, ofSource, `{"kind":"server_declared","name":"t","address":"10.0.0.1"}`)
	send("edge-1", 422, ofSource, `{"kind":"service_declared","name":"b","servers":["s","t"]}`)
	send("edge-2", 200, "", opened("a"), opened("x"), opened("y"))
	send("edge-2", 422, `would be one of more than 5 in the book: names are kept for ever; limits.names`, opened("z"))
	for i := 3; i <= 4; i++ {
		send(fmt.Sprintf("edge-%d", i), 200, "")
	}
	send("edge-5", 422, "limits.names", opened("a")) // the gateway is a source too
	// What is configured here has room.
	check(t, local.DeclareService(t.Context(), events.ServiceDeclared{Name: "mine", Protocol: "tcp"}))
	if got := ask(t, client(t), "GET", base+"/services?fields=name"); got.status != http.StatusOK || strings.Count(got.body, "name") != 6 {
		t.Errorf("services are %s", got.body)
	}
}
