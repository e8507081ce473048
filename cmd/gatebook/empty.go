package main

import (
	"fmt"
	"reflect"

	"github.com/alecthomas/kong"
)

// refuseEmpty returns an error for a flag or an argument that was typed with an empty value, as by a variable of a
// script that is not set. An empty variable of the environment counts as none. Filters that are lists take an empty
// value: it is that of sessions without one.
func refuseEmpty(line *kong.Context) error {
	for _, step := range line.Path {
		switch {
		case step.Flag != nil && !step.Resolved && isEmpty(step.Flag.Target):
			return fmt.Errorf("--%s is empty; give it a value, or leave it out", step.Flag.Name)
		case step.Positional != nil && isEmpty(step.Positional.Target):
			return fmt.Errorf("%s is empty; give it a value", step.Positional.Summary())
		}
	}
	return nil
}

func isEmpty(v reflect.Value) bool { return v.Kind() == reflect.String && v.String() == "" }

// mapPath reads a path, and makes it an absolute one. Of an empty one it makes none, and - stands for a standard
// stream.
func mapPath(c *kong.DecodeContext, target reflect.Value) error {
	var path string
	if err := c.Scan.PopValueInto("file", &path); err != nil {
		return err
	}
	if path != "" && path != "-" {
		path = kong.ExpandPath(path)
	}
	target.SetString(path)
	return nil
}
