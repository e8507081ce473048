package httpd_test

import "strings"

func goldens() []golden {
	var all []golden
	get := func(target string, total string, body string) {
		all = append(all, golden{"GET", target, nil, 200, total, body})
	}
	refuse := func(status int, method, target, short, description string, header ...string) {
		all = append(all, golden{method, target, header, status, "", refused(short, description)})
	}

	get("/sessions", "2", array(two, three))
	get("/sessions?status=live", "2", array(two, three))
	get("/sessions?status=closed", "1", array(four))
	get("/sessions?status=lost", "1", array(one))
	get("/sessions?status=all", "4", array(one, two, three, four))
	get("/sessions?status=lost,closed", "2", array(one, four))
	get("/sessions?status=lost&status=live", "3", array(one, two, three))
	get("/sessions?range=0-0", "2", array(two))
	get("/sessions?range=1-1", "2", array(three))
	get("/sessions?range=1-18446744073709551616", "2", array(three))
	get("/sessions?range=2-5", "2", array())
	get("/sessions?range=9223372036854775807-9223372036854775807", "2", array())
	get("/sessions?range=1-2&status=all", "4", array(two, three))
	get("/sessions?fields=user,id", "2", array(`{"id":2,"user":"jdoe"}`, `{"id":3,"user":""}`))
	get("/sessions?fields=closed,id&fields=reason", "2", array(`{"id":2,"closed":null,"reason":null}`, `{"id":3,"closed":null,"reason":null}`))
	get("/sessions?pretty=true&fields=id,servers", "2",
		"[\n    {\n        \"id\": 2,\n        \"servers\": [\n            \"/servers/db-serv-01\"\n        ]\n    },\n    {\n        \"id\": 3,\n        \"servers\": [\n            \"/servers/db-serv-01\"\n        ]\n    }\n]")
	get("/sessions?pretty=true&range=5-5", "2", "[]")

	get("/sessions?user=jdoe", "", array(two))
	get("/sessions?user=jdoe&user=&count=true", "2", array(two, three))
	get("/sessions?user=jdoe&service=old", "", array())
	get("/sessions?service=MY%20service&status=all", "", array(two, three, four))
	get("/sessions?server=DB-serv-01", "", array(two, three))
	get("/sessions?server=db-serv-02", "", array()) // it was never reached
	get("/sessions?source=edge-0&status=all", "", array(one))
	get("/sessions?status=all&reason=idle_timeout&reason=registry_crashed", "", array(one, four))
	get("/sessions?status=all&by=gateway", "", array(four))
	get("/sessions?status=all&address=192.168.0.0/24&address=2001:db8::1", "", array(one, two, three, four))
	get("/sessions?status=all&address=192.168.0.202", "", array(four))
	get("/sessions?status=all&address=::ffff:192.168.0.202", "", array(four))
	get("/sessions?since=2016-08-31T03:11:00Z", "", array(two, three, four))
	get("/sessions?since=2016-08-31T03:11:00Z&status=closed", "", array(four))
	get("/sessions?until=2016-08-31T05:05:00%2B02:00", "", array(one, two))
	get("/sessions?since=25s", "", array(two, three))
	get("/sessions?since=1d&until=5m", "", array(one, two))
	get("/sessions?sort=-id&status=all", "4", array(four, three, two, one))
	get("/sessions?sort=ended&status=all", "4", array(one, four, two, three))
	get("/sessions?sort=-ended&status=closed,lost", "2", array(four, one))

	refuse(406, "GET", "/sessions/1", "Not acceptable", "The answer is application/json, which Accept: text/html rules out.", "Accept: text/html")
	refuse(404, "GET", "/sessions/01", "Session not found", "No session 01 is in the book.")
	get("/sessions/1", "", one)
	get("/sessions/2", "", two)
	get("/sessions/3", "", three)
	get("/sessions/4", "", four)
	get("/sessions/2?pretty=false&fields=state", "", `{"state":"Session ready for routing"}`)
	get("/sessions/2?pretty=true&fields=state", "", "{\n    \"state\": \"Session ready for routing\"\n}")
	get("/sessions/2?fields=*", "", strings.TrimSuffix(two, "}")+`,"closed":null,"reason":null,"source":"/sources/edge-1","listener":"0.0.0.0:4006","protocol":"mysql","port":51234,"database":"shop","program":"mysql","tls":null,"subject":null,"type":"client","opened":"2016-08-31T03:03:12.000000Z","ready":"2016-08-31T03:03:12.000000Z","ended":null,"last_seen":null,"lost_at":null,"duration":528,"status":"live","by":null,"description":null,"servers":["/servers/db-serv-01"],"statistics":{"reads":12,"writes":34,"buffered_writes":0,"high_water_events":0,"low_water_events":0,"bytes_read":0,"bytes_written":0},"activity":null,"activity_since":null,"rates":null,"version":12,"at_gap":null}`)
	get("/sessions/4?fields=*", "", strings.TrimSuffix(four, "}")+`,"source":"/sources/edge-1","listener":null,"protocol":"mysql","port":null,"database":null,"program":null,"tls":null,"subject":null,"type":"client","opened":"2016-08-31T03:10:00.000000Z","ready":null,"ended":"2016-08-31T03:11:30.250000Z","last_seen":null,"lost_at":null,"duration":90.25,"status":"closed","by":"gateway","description":"it was idle for \"90 s\"","servers":[],"statistics":{"reads":3,"writes":0,"buffered_writes":0,"high_water_events":0,"low_water_events":0,"bytes_read":90,"bytes_written":0},"activity":null,"activity_since":null,"rates":null,"version":16,"at_gap":null}`)
	get("/sessions/1?fields=last_seen,ended,duration,status,by,servers", "", `{"ended":"2016-08-31T03:03:12.000000Z","last_seen":"2016-08-31T03:03:12.000000Z","duration":0,"status":"lost","by":null,"servers":[]}`)
	get("/sessions/3?fields=tls,statistics.bytes_read,statistics", "", `{"tls":"TLS 1.3","statistics":{"reads":0,"writes":0,"buffered_writes":0,"high_water_events":0,"low_water_events":0,"bytes_read":0}}`)
	get("/sessions/2?fields=statistics.writes", "", `{"statistics":{"writes":34}}`)

	get("/sessions/2/connections", "2", array(failed, backend))
	get("/sessions/2/connections?role=all", "3", array(front, failed, backend))
	get("/sessions/2/connections?role=all&range=0-0", "3", array(front))
	get("/sessions/1/connections", "0", array())
	get("/sessions/2/connections?fields=statistics.reads,server", "2",
		array(`{"server":"/servers/db-serv-02","statistics":{"reads":0}}`, `{"server":"/servers/db-serv-01","statistics":{"reads":2197}}`))
	get("/sessions/2/connections?fields=id,connection_id,opened,ended,reason,statistics.bytes_written&role=all", "3", array(
		`{"statistics":{"bytes_written":0},"id":0,"connection_id":null,"opened":"2016-08-31T03:03:12.000000Z","ended":null,"reason":null}`,
		`{"statistics":{"bytes_written":0},"id":1,"connection_id":null,"opened":"2016-08-31T03:03:12.000000Z","ended":"2016-08-31T03:03:12.000000Z","reason":"connect_failed"}`,
		`{"statistics":{"bytes_written":6},"id":2,"connection_id":77,"opened":"2016-08-31T03:03:12.000000Z","ended":null,"reason":null}`))
	get("/sessions/4/connections?role=all&fields=state,ended,reason,statistics.reads", "1",
		array(`{"state":"DCB socket closed","statistics":{"reads":3},"ended":"2016-08-31T03:11:30.250000Z","reason":"idle_timeout"}`))

	get("/services", "2", array(oldService, myService))
	get("/services?range=1-1", "2", array(myService))
	get("/services?range=7-9&fields=name", "2", array())
	get("/services/my-service", "", myService)
	get("/services/MY%20SERVICE", "", myService)
	get("/services/old-%22service%22%2F%C3%BC", "", oldService)
	get("/services/old-%22service%22%2Fu%CC%88?fields=name", "", `{"name":"old \"service\"/ü"}`)
	get("/servers", "2", array(server1, server2))
	get("/servers/db-serv-01", "", server1)
	get("/servers/db-serv-01?fields=*", "", strings.TrimSuffix(server1, "}")+`,"since":null,"cause":null}`)
	get("/servers/DB-serv-01?fields=status", "", `{"status":[]}`)
	get("/sources", "2", array(edge0, edge1))
	get("/sources/edge-1", "", edge1)
	get("/sources/edge-1?fields=state", "", `{"state":"running"}`)
	get("/sources/edge-1?fields=*", "", strings.TrimSuffix(edge1, "}")+`,"lease":null,"account":null,"unrecorded":0,"unrecorded_events":0,"gap_from":null,"gap_until":null}`)

	get("/health", "", `{"status":"ok"}`)
	get("/ready", "", `{"status":"ready"}`)
	all = append(all,
		golden{"GET", "/", nil, 200, "", ""},
		golden{"HEAD", "/", nil, 200, "", ""},
		golden{"HEAD", "/sessions", nil, 200, "2", ""},
		golden{"HEAD", "/sessions/2", nil, 200, "", ""},
		golden{"HEAD", "/sessions/9", nil, 404, "", ""},
		golden{"OPTIONS", "/", nil, 204, "", ""},
		golden{"OPTIONS", "/sessions", nil, 204, "", ""},
		golden{"OPTIONS", "/sessions/9?whatever=1", nil, 204, "", ""},
		golden{"OPTIONS", "/services/x", []string{"Accept: text/html"}, 204, "", ""},
	)

	const noSession = "Session not found"
	for _, c := range []struct{ query, description string }{
		{"reason=idle_timeuot", "reason=idle_timeuot is not known; did you mean idle_timeout? If not, it is client_closed, server_closed, auth_failed, connect_failed, idle_timeout, login_timeout, killed, network_error, source_stopped, source_lost, registry_crashed, shutdown, limit or error."},
		{"address=10.0.0.0/40", "address=10.0.0.0/40 cannot be read: it is an address, as in 192.0.2.7 or 2001:db8::7, or a network, as in 10.0.0.0/8."},
		{"service=", "service= names no service."},
		{"since=yesterday", "since=yesterday cannot be read: it is a time, as in 2026-11-23T07:00:00Z, a date or a time of day, as in 2026-11-23 or 03:12, or how long ago, as in 24h or 7d."},
		{"since=1h&until=2h", "since is 2016-08-31T02:12:00.000000Z, which is later than until, 2016-08-31T01:12:00.000000Z."},
		{"at=0", "at=0 cannot be read: it is the sequence of a record, from 1, or a time, as in 2026-11-23T07:00:00Z, 2026-11-23 07:00, 03:12 or 5m, which is that long ago."},
		{"since=24h&tz=Mars", "tz=Mars is not known: it is the name of a time zone, as in Europe/Berlin, or an offset, as in +02:00."},
		{"at=999", "at=999 is a record still to come: the last one is 16."},
		{"at=2999-01-01T00:00:00Z", "at=2999-01-01T00:00:00.000000Z is still to come: it is 2016-08-31T03:12:00.000000Z now."},
		{"sort=port", "sort=port is not known: it is id, -id, ended, -ended, opened, -opened, idle, -idle, rate, -rate, user or -user."},
		{"limit=0", "limit=0 cannot be read: it is how many to return at most, from 1 on, in digits alone, without leading zeros, as in limit=100."},
		{"after=x", "after=x cannot be read: it is the id of a session, or the sequence of a record, after which to begin, in digits alone, without leading zeros, or what the header Link has there."},
		{"after=77&sort=ended", "after=77 names no session in the book."},
		{"range=0-9&limit=5", "range is given with limit or after: a page is either a range of positions or what comes after a session."},
		{"count=yes", "count=yes is not known: it is true or false."},
	} {
		refuse(400, "GET", "/sessions?"+c.query, "Invalid parameter", c.description)
	}
	refuse(400, "DELETE", "/sessions/2?ttl=soon", "Invalid parameter", "ttl=soon cannot be read: it is a duration of at most ten years, as in 5s, 10m or 1d, or seconds.")
	refuse(400, "DELETE", "/sessions/2?ttl=5s&cancel=true", "Invalid parameter", "ttl and cancel are both given: a session is either to be closed later or not.")
	refuse(409, "DELETE", "/sessions/2?cancel=true", "Not possible now", "That cannot be done with session 2: no kill is scheduled.")
	refuse(404, "GET", "/sessions/42", noSession, "No session 42 is in the book.")
	refuse(404, "GET", "/sessions/0", noSession, "No session 0 is in the book.")
	refuse(404, "GET", "/sessions/-1", noSession, "No session -1 is in the book.")
	refuse(404, "GET", "/sessions/two", noSession, "No session two is in the book.")
	refuse(404, "GET", "/sessions/18446744073709551616", noSession, "No session 18446744073709551616 is in the book.")
	refuse(404, "GET", "/sessions/42/connections", noSession, "No session 42 is in the book.")
	refuse(404, "DELETE", "/sessions/42", noSession, "No session 42 is in the book.")
	refuse(404, "GET", "/services/none", "Service not found", `No service "none" is in the book.`)
	refuse(404, "GET", "/servers/none", "Server not found", `No server "none" is in the book.`)
	refuse(404, "GET", "/sources/none", "Source not found", `No source "none" is in the book.`)
	refuse(404, "GET", "/nothing", "Not found", "There is nothing at /nothing.")
	refuse(404, "POST", "/nothing/here", "Not found", "There is nothing at /nothing/here.")
	refuse(404, "BREW", "/nothing", "Not found", "There is nothing at /nothing.")
	refuse(404, "GET", "/sessions/", "Not found", "There is nothing at /sessions/.")
	refuse(404, "GET", "/sessions/2/connections/1", "Not found", "There is nothing at /sessions/2/connections/1.")

	refuse(405, "POST", "/sessions", "Method not allowed", "POST cannot be done with /sessions; these can: GET, HEAD, OPTIONS.")
	refuse(405, "DELETE", "/sessions", "Method not allowed", "DELETE cannot be done with /sessions; these can: GET, HEAD, OPTIONS.")
	refuse(405, "PUT", "/sessions/2", "Method not allowed", "PUT cannot be done with /sessions/2; these can: DELETE, GET, HEAD, OPTIONS.")
	refuse(405, "BREW", "/sessions/2", "Method not allowed", "BREW cannot be done with /sessions/2; these can: DELETE, GET, HEAD, OPTIONS.")
	refuse(405, "TRACE", "/", "Method not allowed", "TRACE cannot be done with /; these can: GET, HEAD, OPTIONS.")

	refuse(406, "GET", "/sessions", "Not acceptable", "The answer is application/json or application/x-ndjson or text/csv, which Accept: text/html rules out.", "Accept: text/html")
	refuse(406, "DELETE", "/sessions/2", "Not acceptable", "The answer is application/json, which Accept: application/json;q=0, */* rules out.", "Accept: application/json;q=0, */*")

	refuse(409, "DELETE", "/sessions/4", "Session has ended", `Session 4 was closed at 2016-08-31 03:11:30 UTC with reason idle_timeout by gateway: it was idle for "90 s".`)
	refuse(409, "DELETE", "/sessions/1", "Session has ended", "Session 1 was lost; it was last known to be alive at 2016-08-31 03:03:12 UTC. The reason is registry_crashed.")

	refuse(400, "GET", "/sessions?field=id", "Unknown parameter", `The parameter "field" is not known here. Did you mean fields? Known are: fields, status, user, database, program, service, server, source, reason, by, address, activity, since, until, at, tz, sort, range, limit, after, count, pretty.`)
	refuse(400, "GET", "/sessions/2?status=live", "Unknown parameter", `The parameter "status" is not known here. Known are: fields, at, tz, pretty.`)
	refuse(400, "GET", "/health?xyzzy", "Unknown parameter", `The parameter "xyzzy" is not known here. Known are: pretty.`)
	refuse(400, "GET", "/events?after=-1", "Invalid parameter", "after=-1 cannot be read: it is the id of a session, or the sequence of a record, after which to begin, in digits alone, without leading zeros, or what the header Link has there.")
	refuse(400, "GET", "/events?session=x", "Invalid parameter", "session=x is no session: it is a number from 1 on, in digits alone, without leading zeros, as in session=42.")
	refuse(400, "GET", "/events?source=", "Invalid parameter", "source= names no source.")
	refuse(400, "GET", "/events?observations=true", "Invalid parameter", "observations=true goes with follow=true only: observations are no records.")
	refuse(400, "GET", "/events?follow=true&pretty=true", "Invalid parameter", "pretty=true does not go with a feed that is followed: an event is one line.")
	refuse(400, "GET", "/events?after=999", "Invalid parameter", "after=999 is beyond the log, which ends at 16.")
	refuse(400, "GET", "/events?follow=true", "Invalid parameter", "Last-Event-ID: 999 is beyond the log, which ends at 16.", "Last-Event-ID: 999")
	refuse(404, "GET", "/sessions/9/events", "Session not found", "No session 9 is in the book.")
	refuse(400, "GET", "/sessions?range=5", "Invalid parameter", "range=5 cannot be read: it is two positions, counted from 0, in digits alone, without leading zeros, as in range=0-99.")
	refuse(400, "GET", "/sessions?range=", "Invalid parameter", "range= cannot be read: it is two positions, counted from 0, in digits alone, without leading zeros, as in range=0-99.")
	refuse(400, "GET", "/sessions?range=-1-5", "Invalid parameter", "range=-1-5 cannot be read: it is two positions, counted from 0, in digits alone, without leading zeros, as in range=0-99.")
	get("/sessions/counts?group=service&status=all", "2", array(`{"group":"My Service","sessions":3}`, `{"group":"old \"service\"/ü","sessions":1}`))
	get("/sessions/counts?group=reason&status=all&limit=1", "3", array(`{"group":null,"sessions":2}`))
	get("/sessions/counts?group=network&status=closed&service=my-service", "1", array(`{"group":"192.168.0.0/24","sessions":1}`))
	get("/sessions/counts?group=hour&address=192.168.0.0/16&status=all", "1", array(`{"group":"2016-08-31T03:00:00Z","sessions":3}`))
	refuse(400, "GET", "/sessions/counts?status=all", "Invalid parameter", "group is missing: sessions are counted by user, service, server, address, network, reason, by, source or hour.")
	refuse(400, "GET", "/sessions/counts?group=users", "Invalid parameter", "group=users is not known; did you mean user? If not, it is user, service, server, address, network, reason, by, source or hour.")
	for _, parameter := range []string{"status=all&sort=ended", "status=all&sort=-ended", "at=3"} {
		refuse(400, "GET", "/sessions?range=10001-10002&"+parameter, "Invalid parameter", "range=10001-10002 begins too late: with sort=ended, sort=-ended or at= it begins at 10000 at most. Use limit= and follow the header Link.")
	}
	refuse(400, "GET", "/sessions?range=9-5", "Invalid parameter", "range=9-5 is reversed: the first position comes before the last, as in range=5-9.")
	refuse(400, "GET", "/sessions?range=1-2&range=3-4", "Invalid parameter", "range is given 2 times; once is enough.")
	refuse(400, "GET", "/sessions?status=dead", "Invalid parameter", "status=dead is not known: it is live, closed, lost or all.")
	refuse(400, "GET", "/sessions?status=", "Invalid parameter", "status= is not known: it is live, closed, lost or all.")
	refuse(400, "GET", "/sessions?pretty=yes", "Invalid parameter", "pretty=yes is not known: it is true or false.")
	refuse(400, "GET", "/sessions/2/connections?role=client", "Invalid parameter", "role=client is not known: role=all adds the client's connection; without it there are those to servers.")
	refuse(400, "GET", "/sessions?a=%zz", "Invalid parameter", `The query "a=%zz" cannot be read: invalid URL escape "%zz".`)
	refuse(400, "GET", "/sources?fields=nam", "Unknown field", `There is no member "nam". Did you mean name? Known are: name, incarnation, state, version, host, started, last_seen, lease, account, unrecorded, unrecorded_events, gap_from, gap_until, *.`)
	refuse(400, "GET", "/sources/edge-1?fields=", "Unknown field", `The parameter fields names no member, or has an empty name. Known are: name, incarnation, state, version, host, started, last_seen, lease, account, unrecorded, unrecorded_events, gap_from, gap_until, *.`)
	refuse(400, "GET", "/servers?fields=name,,port", "Unknown field", `The parameter fields names no member, or has an empty name. Known are: name, address, port, protocol, status, current_connections, total_connections, since, cause, *.`)
	refuse(400, "GET", "/sessions/2/connections?fields=statistics.seeds", "Unknown field",
		`There is no member "statistics.seeds". Did you mean statistics.reads? Known are: state, role, server, service, statistics, statistics.reads, statistics.writes, statistics.buffered_writes, statistics.high_water_events, statistics.low_water_events, statistics.bytes_read, statistics.bytes_written, id, connection_id, opened, ended, reason, at_gap, *.`)

	const elsewhere = "There are no accounts, so only clients on this machine are answered, and the header "
	refuse(403, "GET", "/sessions", "Forbidden", elsewhere+"Forwarded tells of one elsewhere: do not put a proxy before this API.", "Forwarded: for=192.0.2.1")
	refuse(403, "GET", "/health", "Forbidden", elsewhere+"X-Forwarded-Proto tells of one elsewhere: do not put a proxy before this API.", "X-Forwarded-Proto: https")
	refuse(403, "DELETE", "/sessions/2", "Forbidden", `This API is not for web pages of another origin, such as "http://evil.example".`, "Origin: http://evil.example")
	refuse(403, "OPTIONS", "/sessions/2", "Forbidden", `This API is not for web pages of another origin, such as "null".`, "Origin: null")
	refuse(403, "GET", "/nothing", "Forbidden", `This API does not answer to the host name "evil.example:8989": use an IP address or localhost, or add the name to hosts in the configuration.`, "Host: evil.example:8989")
	return all
}
