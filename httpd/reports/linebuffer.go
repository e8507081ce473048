package reports

import (
	"net/http"

	"gatebook/httpd/render"
)

// freeBytes is how much of a report needs no budget.
const freeBytes = 64 << 10

// lineBuffer holds a report while it is read. Its memory beyond freeBytes is from a budget.
type lineBuffer struct {
	budget *render.Budget
	held   int // bytes from the budget
	text   []byte
}

// Write implements [io.Writer]. Errors: a [*render.Failure] when the budget is used up.
func (l *lineBuffer) Write(b []byte) (int, error) {
	if need := len(l.text) + len(b); need > cap(l.text) {
		size := max(need, 2*cap(l.text))
		if more := max(size-freeBytes, 0) - l.held; more > 0 {
			if !l.budget.Take(more) {
				return 0, &render.Failure{
					Status: http.StatusServiceUnavailable, Title: "Busy", RetryAfter: "1",
					Description: "Too many large reports and answers are in flight. Nothing of it was recorded; try again in a second.",
				}
			}
			l.held += more
		}
		l.text = append(make([]byte, 0, size), l.text...)
	}
	l.text = append(l.text, b...)
	return len(b), nil
}

// release empties the buffer, and gives back what it has from the budget.
func (l *lineBuffer) release() {
	l.budget.Give(l.held)
	if l.held = 0; cap(l.text) > freeBytes {
		l.text = nil
	}
	l.text = l.text[:0]
}
