// Package calls bounds which calls run: a [Gate] is closed behind the last call that is
// inside, and a [Turn] is had by one call at a time, for which others wait no longer than
// their contexts last. [Turns] are for calls that read much, of which a few run at a time.
package calls
