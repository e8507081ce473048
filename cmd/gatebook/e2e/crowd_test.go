package e2e

import (
	"fmt"
	"strings"
)

// crowd reports n sessions that live, of a source outside, from an id of its own on.
func (s *server) crowd(from, n int) {
	s.t.Helper()
	const most = 2500 // of sessions in one report
	for first := from; first < from+n; first += most {
		var events []string
		for i := first; i < min(first+most, from+n); i++ {
			key := fmt.Sprintf("k-%d", i)
			service := []string{"orders", "orders", "stock", "billing", "search"}[i%5]
			events = append(events,
				fmt.Sprintf(`{"kind":"session_opened","key":%q,"service":%q,"protocol":"mysql","address":"10.%d.%d.%d","port":%d,"tls":"TLS 1.3"}`, key, service, 20+i%3, i/250%250, 1+i%250, 40000+i%20000),
				fmt.Sprintf(`{"kind":"session_ready","key":%q,"user":%q,"database":"shop","program":%q}`, key, users[i%len(users)], programs[i%len(programs)]),
				fmt.Sprintf(`{"kind":"connection_opened","key":%q,"connection":1,"server":"db-%s-%d","connection_id":%d}`, key, service, 1+i%2, 7000+i),
			)
		}
		s.report(fmt.Sprintf(`{"source":"edge-1","incarnation":"1","lease":"1h","events":[%s]}`, strings.Join(events, ",")))
	}
}

// endCrowd reports that sessions of crowd have ended.
func (s *server) endCrowd(from, n int) {
	s.t.Helper()
	var events []string
	for i := from; i < from+n; i++ {
		events = append(events, fmt.Sprintf(`{"kind":"session_closed","key":"k-%d","reason":"client_closed"}`, i))
	}
	s.report(fmt.Sprintf(`{"source":"edge-1","incarnation":"1","lease":"1h","events":[%s]}`, strings.Join(events, ",")))
}

var (
	users    = []string{"shop-web", "shop-web", "shop-web", "checkout", "checkout", "inventory", "ann", "reporting", "jdoe", "mobile-api", "search-indexer"}
	programs = []string{"mysql-connector-java", "go-sql-driver", "PyMySQL", "mysql"}
)
