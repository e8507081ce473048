// Command program prints from which sources it was built.
package main

import (
	"fmt"

	"gatebook/internal/build"
)

func main() {
	i := build.Read()
	fmt.Print(i.Revision, ",", i.Time, ",", i.Modified)
}
