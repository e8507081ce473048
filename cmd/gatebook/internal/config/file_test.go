package config_test

import (
	"strings"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/config"
)

const whole = `access_log = true
data = "book"
listen = "127.0.0.1:9000"
record = "strict"
record_admin = false
statistics_interval = "500ms"
hosts = ["gatebook.example.org"]

[servers.db-1]
address = "10.0.0.1:3306"
drain = true
tls = "require"
ca = "ca.pem"
server_name = "db.example.org"
proxy_protocol = true
kill_user = "killer"
kill_password_file = "killer.txt"

[services.orders]
protocol = "mysql"
listen = ["127.0.0.1:4006"]
servers = ["db-1"]
router = "roundrobin"
connect_timeout = "2s"
login_timeout = "1d"
high_water = 4096
low_water = 16
max_sessions = 500
idle_timeout = "8h"
stall_timeout = "1h"
cancel_abandoned = true
probes = ["10.0.0.0/8", "192.0.2.1"]
compression = true
accept_proxy_protocol = ["10.0.0.0/8"]

[limits]
headers = 8192
body_time = "5s"
connections = 100

[services.orders.tls]
certificate = "orders.pem"
key = "orders.key"
client_ca = "clients.pem"
required = true
`

func TestParse(t *testing.T) {
	f, err := config.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	if l := f.Limits(); l.Headers != 8192 || l.BodyTime != 5*time.Second || l.Connections != 100 || l.RequestLine != 0 {
		t.Errorf("read the limits %+v", l)
	}
	s := f.Services["orders"]
	high, low := s.Marks()
	if f.Data != "book" || f.Listen != "127.0.0.1:9000" || *f.RecordAdmin || !f.AccessLog || f.Hosts[0] != "gatebook.example.org" ||
		f.StatisticsInterval.Or(0) != 500*time.Millisecond || f.Servers["db-1"].Address != "10.0.0.1:3306" ||
		s.Protocol != "mysql" || s.LoginTimeout.Or(0) != 24*time.Hour || high != 4096 || low != 16 {
		t.Errorf("read %+v", f)
	}
}

func TestMarksDefault(t *testing.T) {
	high, low := config.Service{}.Marks()
	if high != 65536 || low != 1024 {
		t.Errorf("marks %d and %d, want 65536 and 1024", high, low)
	}
}

// TestGatewayTLS checks that what the file has about TLS and proxies reaches the gateway.
func TestGatewayTLS(t *testing.T) {
	f, err := config.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	c := f.Gateway()
	server, service := c.Servers[0], c.Services[0]
	if server.TLS != gateway.TLSRequire || server.CA != "ca.pem" || server.ServerName != "db.example.org" || !server.ProxyProtocol {
		t.Errorf("server %+v", server)
	}
	if service.TLS != (gateway.ClientTLS{Certificate: "orders.pem", Key: "orders.key", ClientCA: "clients.pem", Required: true}) ||
		len(service.AcceptProxyProtocol) != 1 || service.AcceptProxyProtocol[0].String() != "10.0.0.0/8" {
		t.Errorf("service %+v", service)
	}
	if server.KillUser != "killer" || server.KillPasswordFile != "killer.txt" || !service.CancelAbandoned || service.StallTimeout != time.Hour {
		t.Errorf("server %+v, service %+v", server, service)
	}
	over := strings.NewReplacer(`"mysql"`, `"tcp"`, `"require"`, `"prefer"`).Replace(whole)
	if _, err := config.Parse(over); err == nil || !strings.Contains(err.Error(), "cannot tell whether it has TLS") {
		t.Errorf("error %v", err)
	}
}

// TestRefused checks that every error names the place, what is wrong, and what would be
// right.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"unknown key":         {"data =", "dota =", `line 2: unknown key "dota"; did you mean "data"?`},
		"unknown nested key":  {"\nprotocol =", "\nprotocoll =", `unknown key "services.orders.protocoll"; did you mean "protocol"?`},
		"unknown table":       {"[servers.db-1]", "[server.db-1]", `unknown key "server.db-1"; did you mean "servers"?`},
		"nothing like it":     {"data =", "xyzzyplugh =", `line 2: unknown key "xyzzyplugh"`},
		"unknown limit":       {"connections =", "conections =", `unknown key "limits.conections"; did you mean "connections"?`},
		"a limit of nothing":  {"connections = 100", "connections = 0", `limits.connections is 0, the least is 1`},
		"no password":         {"kill_password_file = \"killer.txt\"\n", "", `servers.db-1.kill_user has no password; write kill_password_file = "path"`},
		"no user":             {"kill_user = \"killer\"\n", "", `servers.db-1.kill_password_file is of no use without kill_user`},
		"account of tcp":      {`"mysql"`, `"tcp"`, `servers.db-1.kill_user is for protocol mysql, and services.orders speaks tcp with it`},
		"abandoned over tcp":  {`"mysql"`, `"tcp"`, `services.orders.cancel_abandoned is for protocol mysql and postgres`},
		"protocol":            {`"mysql"`, `"mysq"`, `services.orders.protocol is "mysq", it can be mysql, postgres, tcp; did you mean "mysql"?`},
		"record":              {`"strict"`, `"lax"`, `record is "lax", it can be strict, best_effort`},
		"server not declared": {`["db-1"]`, `["db-2"]`, `services.orders.servers names "db-2", which is not declared; did you mean "db-1"?`},
		"marks":               {"high_water = 4096", "high_water = 16", "services.orders: high_water is 16, it must exceed low_water, 16"},
		"negative mark":       {"low_water = 16", "low_water = -1", "neither can be negative"},
		"duration":            {`"2s"`, `"2 s"`, `"2 s" is no duration`},
		"zero duration":       {`"2s"`, `"0s"`, `"0s" is too short`},
		"no unit":             {`"2s"`, `2`, `line 24, column 19: services.orders.connect_timeout is 2, it must be a duration like "10s"`},
		"a truth":             {`"500ms"`, `true`, `line 6, column 23: statistics_interval is true, it must be a duration like "10s"`},
		"a list in a list":    {`["gatebook.example.org"]`, `[["gatebook.example.org"]]`, `hosts is of another type, it must be a list of texts like`},
		"too short":           {`"2s"`, `"1ns"`, `"1ns" is too short; the least is "1ms"`},
		"address":             {`"10.0.0.1:3306"`, `"10.0.0.1"`, `servers.db-1.address is "10.0.0.1", which is no address`},
		"port":                {`"10.0.0.1:3306"`, `"10.0.0.1:99999"`, "whose port is no number from 1 to 65535"},
		"no port":             {`"10.0.0.1:3306"`, `"10.0.0.1:0"`, `servers.db-1.address is "10.0.0.1:0", whose port is no number from 1 to 65535`},
		"no host":             {`"10.0.0.1:3306"`, `":3306"`, `servers.db-1.address is ":3306", which has no host; write "host:port"`},
		"named twice":         {`["db-1"]`, `["db-1", "db-1"]`, `services.orders.servers names "db-1" twice`},
		"no servers":          {`["db-1"]`, `[]`, `services.orders has no servers; write servers = ["NAME"]`},
		"reserved":            {"[services.orders]", "[services.Gatebook]", "reserved"},
		"a dot":               {"[services.orders]", `[services."."]`, `services.".": in the paths of the API that means another place`},
		"two dots":            {"[servers.db-1]", `[servers.".."]`, `servers."..": in the paths of the API that means another place`},
		"type":                {"record_admin = false", `record_admin = "no"`, `line 5, column 16: record_admin is "no", it must be true or false`},
		"text for a number":   {"max_sessions = 500", `max_sessions = "500" # many`, `services.orders.max_sessions is "500", it must be a whole number, without quotes`},
		"half a number":       {"max_sessions = 500", `max_sessions = 1.5 # many`, `services.orders.max_sessions is 1.5, it must be a whole number`},
		"number for a text":   {`data = "book"`, `data = 3`, `line 2, column 8: data is 3, it must be text in quotes`},
		"text for a list":     {`["127.0.0.1:4006"]`, `"127.0.0.1:4006"`, `services.orders.listen is "127.0.0.1:4006", it must be a list of texts like`},
		"text for a table":    {"[servers.db-1]\n", "[servers]\ndb-1 = 'x'\n[servers.db-2]\n", `servers.db-1 is 'x', it must be a table like [servers.db-1]`},
		"whose duration":      {`"2s"`, `"2 s"`, `services.orders.connect_timeout: "2 s" is no duration`},
		"listens twice":       {`["127.0.0.1:4006"]`, `["127.0.0.1:4006", "0.0.0.0:4006"]`, "services.orders.listen: 0.0.0.0:4006 is taken by services.orders.listen, 127.0.0.1:4006"},
		"syntax":              {"[servers.db-1]", "[servers.db-1", "line 9"},
		"router":              {`"roundrobin"`, `"leastcon"`, `services.orders.router is "leastcon", it can be roundrobin, leastconn, priority; did you mean "leastconn"?`},
		"limit":               {"max_sessions = 500", "max_sessions = 0", "services.orders.max_sessions is 0, it must be more than 0"},
		"probing network":     {`"192.0.2.1"`, `"192.0.2.1/40"`, `services.orders.probes has "192.0.2.1/40", which is no network`},
		"compression":         {`protocol = "mysql"`, `protocol = "postgres"`, "services.orders.compression is for protocol mysql"},
		"server's key":        {"drain = true", "drained = true", `unknown key "servers.db-1.drained"; did you mean "drain"?`},
		"tls":                 {`"require"`, `"requires"`, `servers.db-1.tls is "requires", it can be off, prefer, require; did you mean "require"?`},
		"no tls":              {`tls = "require"`, `tls = "off"`, `servers.db-1.ca is of no use without TLS`},
		"proxy to postgres":   {`"mysql"`, `"postgres"`, "servers.db-1.proxy_protocol: PostgreSQL does not know the PROXY protocol"},
		"network":             {`accept_proxy_protocol = ["10.0.0.0/8"]`, `accept_proxy_protocol = ["10.0.0"]`, `services.orders.accept_proxy_protocol has "10.0.0", which is no network`},
		"no certificate":      {`certificate = "orders.pem"`, "", "services.orders.tls has no certificate"},
		"no key":              {`key = "orders.key"`, "", "services.orders.tls has no key"},
		"unknown tls key":     {"client_ca", "client_cas", `unknown key "services.orders.tls.client_cas"; did you mean "client_ca"?`},
		"small segment":       {"[servers.db-1]", "[log]\nsegment_bytes = 4096\n[servers.db-1]", "log.segment_bytes is 4096, it can be 1048576 (1 MiB) to 17179869184 (16 GiB)"},
		"large segment":       {"[servers.db-1]", "[log]\nsegment_bytes = 100000000000\n[servers.db-1]", "log.segment_bytes is 100000000000, it can be"},
		"segment of nothing":  {"[servers.db-1]", "[log]\nsegment_bytes = 0\n[servers.db-1]", "log.segment_bytes is 0, it can be"},
		"scrubbing too fast":  {"[servers.db-1]", "[log]\nscrub_period = \"1s\"\n[servers.db-1]", `log.scrub_period is 1s, it can be "1m" to "365d"`},
		"scrubbing too slow":  {"[servers.db-1]", "[log]\nscrub_period = \"400d\"\n[servers.db-1]", `log.scrub_period is 9600h0m0s, it can be "1m" to "365d"`},
		"later setting":       {"high_water = 4096", "max_frobs = 10", `unknown key "services.orders.max_frobs"`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(whole, c.from, c.to, 1)
			if text == whole {
				t.Fatalf("%q is not in the file", c.from)
			}
			_, err := config.Parse(text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestCircle checks that a server which is the gateway itself is refused: it would make
// sessions without end.
func TestCircle(t *testing.T) {
	for _, c := range []struct {
		listen, address string
		circle          bool
	}{
		{"127.0.0.1:4006", "127.0.0.1:4006", true},
		{"127.0.0.1:4006", "localhost:4006", true},
		{"127.0.0.1:4006", "LocalHost.:4006", true},
		{"LOCALHOST:4006", "127.0.0.1:4006", true},
		{"db.example.org:4006", "DB.Example.Org.:4006", true},
		{"127.0.0.1:4006", "0.0.0.0:4006", true},
		{"0.0.0.0:4006", "127.0.0.1:4006", true},
		{":4006", "[::1]:4006", true},
		{"db.example.org:4006", "db.example.org:4006", true},
		{"0.0.0.0:4006", "0.0.0.0:4006", true},
		{"127.0.0.1:4006", "127.0.0.1:3306", false},
		{"0.0.0.0:4006", "10.0.0.1:4006", false}, // which may be another machine's
		{"192.0.2.1:4006", "127.0.0.1:4006", false},
	} {
		text := strings.NewReplacer(`"127.0.0.1:4006"`, `"`+c.listen+`"`, `"10.0.0.1:3306"`, `"`+c.address+`"`).Replace(whole)
		_, err := config.Parse(text)
		want := `servers.db-1.address is "` + c.address + `", where services.orders listens, so its sessions would come back`
		if (err != nil) != c.circle || c.circle && !strings.Contains(err.Error(), want) {
			t.Errorf("listen %s, address %s: error %v", c.listen, c.address, err)
		}
	}
}

// TestProtocols checks that a server of two protocols is refused.
func TestProtocols(t *testing.T) {
	for protocol, want := range map[string]string{
		"mysql": "", "tcp": "",
		"postgres": "servers.db-1 is named by services.orders, which speaks mysql, and by services.reports, which speaks postgres",
	} {
		text := strings.NewReplacer("proxy_protocol = true\n", "", "kill_user = \"killer\"\n", "", "kill_password_file = \"killer.txt\"\n", "").Replace(whole) +
			"[services.reports]\nprotocol = '" + protocol + "'\nlisten = ['127.0.0.1:4007']\nservers = ['db-1']\n"
		_, err := config.Parse(text)
		if (err != nil) != (want != "") || want != "" && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", protocol, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("[services.a]\nlisten=[\":0\"]")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = config.Parse(text) // any text gives a file or an error
	})
}

// TestCheckListen checks that a service and the API cannot have one address, in any form.
func TestCheckListen(t *testing.T) {
	f, err := config.Parse(strings.Replace(whole, `"127.0.0.1:4006"`, `"localhost:4006", "10.0.0.1:4007", "127.0.0.1:0"`, 1))
	if err != nil {
		t.Fatal(err)
	}
	for api, clashes := range map[string]bool{
		"127.0.0.1:4006": true, "localhost:4006": true, "LOCALHOST:4006": true, "localhost.:4006": true, "0.0.0.0:4006": true, ":4007": true, "[::]:4007": true,
		"[::ffff:10.0.0.1]:4007": true, "127.0.0.1:4007": false, "127.0.0.1:0": false, "[::1]:4006": false,
	} {
		err := f.CheckListen(api)
		if (err != nil) != clashes || clashes && !strings.Contains(err.Error(), "is taken by the API, "+api) {
			t.Errorf("%s: %v", api, err)
		}
	}
}
