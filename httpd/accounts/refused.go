package accounts

import "fmt"

// Refusal is why a change is refused.
type Refusal uint8

// The refusals.
const (
	// Invalid: the name, the role, the password or the end cannot be one.
	Invalid Refusal = iota + 1
	// Unknown: there is no such account, or no such token.
	Unknown
	// Exists: there is such an account or token already.
	Exists
	// LastAdmin: no administrator would be left.
	LastAdmin
	// TooMany: the account has as many tokens as are allowed.
	TooMany
)

// RefusedError reports a change that is refused for what it asks. Nothing was changed.
type RefusedError struct {
	Why  Refusal
	Text string
}

// Error returns what is wrong, and what would be right.
func (e *RefusedError) Error() string { return e.Text }

// refused returns a [*RefusedError].
func refused(why Refusal, format string, args ...any) error {
	return &RefusedError{Why: why, Text: fmt.Sprintf(format, args...)}
}
