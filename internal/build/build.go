package build

import (
	"runtime"
	"runtime/debug"
	"strings"
)

// stamp is "revision,time,modified" of the sources. Only the linker sets it (.ci/stamp): the go
// command itself knows no revision where .git is a file, as in a worktree or a submodule.
var stamp string

// Info says from which sources the program was built. A part that is not known is "".
type Info struct {
	// Revision is the full name of the commit, Time when it was made, in RFC 3339, and Modified
	// "true" when the sources have been changed since, and otherwise "false".
	Revision, Time, Modified string
	// Go is the version of Go.
	Go string
}

// Read returns what the go command has left in the program, or the linker was told.
func Read() Info {
	i := Info{Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			switch setting.Key {
			case "vcs.revision":
				i.Revision = setting.Value
			case "vcs.time":
				i.Time = setting.Value
			case "vcs.modified":
				i.Modified = setting.Value
			}
		}
	}
	if parts := strings.Split(stamp, ","); i.Revision == "" && len(parts) == 3 {
		i.Revision, i.Time, i.Modified = parts[0], parts[1], parts[2]
	}
	return i
}
