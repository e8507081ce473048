package httpd

import (
	"runtime"
	"runtime/debug"
	"strconv"
)

// build is what is known of how the program was built; what is not is "".
type build struct{ version, golang, revision, time, modified string }

// buildOf reads what the compiler has left in the program.
func buildOf(version string) build {
	b := build{version: version, golang: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.revision = setting.Value
		case "vcs.time":
			b.time = setting.Value
		case "vcs.modified":
			b.modified = setting.Value
		}
	}
	return b
}

func buildResource() *resource[build] {
	return newResource(members([]member[build]{
		{name: "version", value: text(func(v build) string { return v.version })},
		{name: "go", value: text(func(v build) string { return v.golang })},
		{name: "revision", value: knownText(func(v build) string { return v.revision })},
		{name: "time", value: knownText(func(v build) string { return v.time })},
		{name: "modified", value: func(b []byte, _ *rendering, v build) []byte {
			modified, err := strconv.ParseBool(v.modified)
			if err != nil {
				return append(b, "null"...)
			}
			return strconv.AppendBool(b, modified)
		}},
	}, nil))
}
