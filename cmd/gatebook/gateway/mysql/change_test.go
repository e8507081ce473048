package mysql

import (
	"errors"
	"testing"
)

// change is a change of user, with its header.
const change = "\x37\x00\x00\x00\x11sue\x00\x03abcshop\x00\x2d\x00mysql_native_password\x00\x10\x0cprogram_name\x02sh"

func TestParseChangeUser(t *testing.T) {
	t.Parallel()
	modern := Protocol41 | SecureConnection | PluginAuth | ConnectAttributes
	tests := map[string]struct {
		payload string
		common  Capabilities
		want    Login
	}{
		"whole":             {change[4:], modern, Login{Collation: 45, User: "sue", Database: "shop", Program: "sh", Plugin: "mysql_native_password"}},
		"no attributes":     {"\x11sue\x00\x00shop\x00\x2d\x00plugin\x00", modern, Login{Collation: 45, User: "sue", Database: "shop", Plugin: "plugin"}},
		"no plugin":         {"\x11sue\x00\x00shop\x00\x2d\x00", Protocol41 | SecureConnection, Login{Collation: 45, User: "sue", Database: "shop"}},
		"nothing optional":  {"\x11sue\x00\x00shop\x00", modern, Login{Collation: 8, User: "sue", Database: "shop"}},
		"no database":       {"\x11sue\x00\x00\x00", modern, Login{Collation: 8, User: "sue"}},
		"password in text":  {"\x11sue\x00abc\x00shop\x00", Protocol41, Login{Collation: 8, User: "sue", Database: "shop"}},
		"database cut":      {"\x11sue\x00\x00shop", modern, Login{Collation: 8, User: "sue", Database: "shop"}},
		"attributes broken": {"\x11sue\x00\x00shop\x00\x2d\x00plugin\x00\xf0x", modern, Login{Collation: 45, User: "sue", Database: "shop", Plugin: "plugin"}},
	}
	for name, test := range tests {
		got, err := ParseChangeUser(Packet("\x00\x00\x00\x00"+test.payload), test.common, 8)
		if err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, test.want)
		}
	}
	for name, payload := range map[string]string{
		"nothing": "", "another command": "\x0e", "user cut": "\x11sue", "password cut": "\x11sue\x00\x10abc",
	} {
		if got, err := ParseChangeUser(Packet("\x00\x00\x00\x00"+payload), modern, 8); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// TestFollowerStops checks that a follower stops at a change of user, however it is
// cut, and at nothing else that looks like one.
func TestFollowerStops(t *testing.T) {
	t.Parallel()
	ping, closing := "\x01\x00\x00\x00\x0e", "\x05\x00\x00\x00\x19\x01\x00\x00\x00"
	for name, test := range map[string]struct {
		sent  string
		stop  int // -1: it does not
		asked bool
	}{
		"at once":                     {change, 0, false},
		"after a command":             {ping + change, len(ping), true},
		"after one without an answer": {closing + change, len(closing), false},
		"before more":                 {ping + change + ping, len(ping), true},
		"within a query":              {"\x3c\x00\x00\x00\x03" + change, -1, true},
		"an answer":                   {"\x02\x00\x00\x03\x11\x00", -1, false},
		"its header alone":            {change[:4], -1, false},
	} {
		for size := 1; size <= len(test.sent); size++ {
			var f Follower
			want := test.stop
			if want < 0 {
				want = len(test.sent)
			}
			if got := followInPieces(&f, []byte(test.sent), size); got != want {
				t.Errorf("%s, in pieces of %d: stopped at %d, want %d", name, size, got, want)
			}
			if got := f.Asked(); got != test.asked {
				t.Errorf("%s, in pieces of %d: asked is %v", name, size, got)
			}
		}
	}
}
