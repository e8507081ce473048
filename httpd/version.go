package httpd

import (
	"runtime"
	"runtime/debug"
	"strconv"

	"gatebook/httpd/render"
)

// build describes how the program was built. A part that is not known is "".
type build struct{ version, golang, revision, time, modified string }

// buildOf returns the description that the compiler has left in the program.
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

func buildResource() *render.Resource[build] {
	return render.NewResource(render.Members([]render.Member[build]{
		{Name: "version", Value: render.Text(func(v build) string { return v.version })},
		{Name: "go", Value: render.Text(func(v build) string { return v.golang })},
		{Name: "revision", Value: render.TextOrNull(func(v build) string { return v.revision })},
		{Name: "time", Value: render.TextOrNull(func(v build) string { return v.time })},
		{Name: "modified", Value: func(b []byte, _ *render.Rendering, v build) []byte {
			modified, err := strconv.ParseBool(v.modified)
			if err != nil {
				return append(b, "null"...)
			}
			return strconv.AppendBool(b, modified)
		}},
	}, nil))
}
