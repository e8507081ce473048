package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// targetFlag is a flag of a command line that says which server or which data folder is meant.
type targetFlag struct {
	value string
	// typed is true where the flag is on the command line. Its value comes from the environment otherwise.
	typed bool
}

// targetFlags are the flags of one command line, by their names.
type targetFlags map[string]*targetFlag

// serverTargets and folderTargets are the flags that name a server, or a login to one, and those that
// name a data folder.
func serverTargets() []string {
	return []string{"url", "profile", "account", "token-file", "password-file"}
}
func folderTargets() []string { return []string{"data", "config"} }

// settle leaves the flags of one target, so that every command answers for the same one. A flag that was typed
// comes before the environment. Of two that were typed, or that are both in the environment, neither comes first.
func (f targetFlags) settle() error {
	for _, typed := range []bool{true, false} {
		server, folder := f.first(serverTargets(), typed), f.first(folderTargets(), typed)
		switch {
		case server != "" && folder != "" && typed:
			return fmt.Errorf("--%s and --%s are both given, and the one is of a server, the other of a data folder; give one of them", server, folder)
		case server != "" && folder != "":
			return fmt.Errorf("%s and %s are both set, and the one is of a server, the other of a data folder; say which is meant with --%s or --%s, or unset one",
				variable(server), variable(folder), server, folder)
		case server != "":
			f.drop(folderTargets()...)
			f.settleServer()
			return nil
		case folder != "":
			f.drop(serverTargets()...)
			return nil
		}
	}
	return nil
}

// settleServer leaves what was typed of two flags that name a server, or a login to it, each.
func (f targetFlags) settleServer() {
	if f.typed("profile") {
		f.dropUntyped("url", "account", "password-file", "token-file")
	}
	if f.typed("url") {
		f.dropUntyped("profile")
	}
	if f.typed("account") {
		f.dropUntyped("token-file")
	}
	if f.typed("token-file") {
		f.dropUntyped("account", "password-file")
	}
}

// first returns the first of the flags that has a value, among those that were typed or those that were not;
// "" for none.
func (f targetFlags) first(names []string, typed bool) string {
	for _, name := range names {
		if flag := f[name]; flag != nil && flag.value != "" && flag.typed == typed {
			return name
		}
	}
	return ""
}

func (f targetFlags) typed(name string) bool { return f[name] != nil && f[name].typed }

// drop takes the values of flags away.
func (f targetFlags) drop(names ...string) {
	for _, name := range names {
		if f[name] != nil {
			f[name].value = ""
		}
	}
}

// dropUntyped takes the values away that come from the environment.
func (f targetFlags) dropUntyped(names ...string) {
	for _, name := range names {
		if !f.typed(name) {
			f.drop(name)
		}
	}
}

// variable returns the environment variable of a flag.
func variable(flag string) string {
	return "GATEBOOK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// settleTarget decides for a command that can ask a server and read a data folder which of them it does. It
// runs before the command, on the flags that the command line has.
func settleTarget(line *kong.Context) error {
	flags := make(map[string]*kong.Flag)
	for _, flag := range line.Flags() {
		flags[flag.Name] = flag
	}
	if flags["url"] == nil || flags["data"] == nil {
		return nil
	}
	found := make(targetFlags)
	for _, name := range append(serverTargets(), folderTargets()...) {
		if flag := flags[name]; flag != nil && flag.Target.Kind() == reflect.String {
			found[name] = &targetFlag{value: flag.Target.String()}
		}
	}
	for _, step := range line.Path {
		if step.Flag != nil && !step.Resolved && found[step.Flag.Name] != nil {
			found[step.Flag.Name].typed = true
		}
	}
	if err := found.settle(); err != nil {
		return err
	}
	for name, flag := range found {
		flags[name].Target.SetString(flag.value)
	}
	return nil
}
