package gatebook

import (
	"fmt"
	"time"

	"gatebook/events"
)

// Request says who asks for a change, and why. Both are recorded.
type Request struct {
	// By names the account or the person that asks. It is required.
	By string
	// Why is free text; "" for none.
	Why string
	// Only are conditions for what is changed. They are looked at when the change is
	// decided, and the first that does not hold is the answer.
	Only []Condition
}

// Condition returns an error unless a thing is still as the caller believes it to be, by
// the sequence of its last change and when that was recorded. It is called at the moment
// of deciding: when it returns an error nothing is done; when it does not, nothing has
// changed in between.
type Condition func(version uint64, modified time.Time) error

// check returns an [ErrInvalid] for a request that names nobody.
func (q *Request) check() error {
	if q.By == "" {
		return fmt.Errorf("%w: the request does not say who asks (By)", ErrInvalid)
	}
	return nil
}

// met returns the error of the first condition that does not hold.
func (q *Request) met(version uint64, modified events.Time) error {
	for _, holds := range q.Only {
		if err := holds(version, modified.Time()); err != nil {
			return err
		}
	}
	return nil
}
