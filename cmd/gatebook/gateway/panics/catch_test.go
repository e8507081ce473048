package panics_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/gateway/panics"
)

// TestCatch checks that a panic is returned with its value and its stack, and that an
// error which was its value is not taken for the error itself.
func TestCatch(t *testing.T) {
	t.Parallel()
	if caught := panics.Catch(func() {}); caught != nil {
		t.Errorf("a function that returned gave %v", caught)
	}
	caught := panics.Catch(func() { panic(io.EOF) })
	if caught == nil || caught.Value != io.EOF || caught.Error() != "panic: EOF" {
		t.Fatalf("got %+v", caught)
	}
	if !strings.Contains(string(caught.Stack), "TestCatch") {
		t.Errorf("the stack is not that of the panic:\n%s", caught.Stack)
	}
	if errors.Is(caught, io.EOF) {
		t.Error("the panic is taken for the end of a connection")
	}
}
