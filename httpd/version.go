package httpd

import (
	"strconv"

	"gatebook/httpd/render"
	"gatebook/internal/build"
)

// program describes the program that runs.
type program struct {
	build.Info
	version string
}

// programOf returns the description of a program with that version.
func programOf(version string) program { return program{Info: build.Read(), version: version} }

func programResource() *render.Resource[program] {
	return render.NewResource(render.Members([]render.Member[program]{
		{Name: "version", Value: render.Text(func(v program) string { return v.version })},
		{Name: "go", Value: render.Text(func(v program) string { return v.Go })},
		{Name: "revision", Value: render.TextOrNull(func(v program) string { return v.Revision })},
		{Name: "time", Value: render.TextOrNull(func(v program) string { return v.Time })},
		{Name: "modified", Value: func(b []byte, _ *render.Rendering, v program) []byte {
			modified, err := strconv.ParseBool(v.Modified)
			if err != nil {
				return append(b, "null"...)
			}
			return strconv.AppendBool(b, modified)
		}},
	}, nil))
}
