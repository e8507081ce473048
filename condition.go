package gatebook

import "gatebook/events"

// Condition tells whether a thing is still as the one who asks believes it to be,
// by the sequence of its last change and when that was recorded. It is asked at the
// moment of deciding: when it returns an error nothing is done, and the error is
// the answer; when it does not, nothing has changed in between.
type Condition func(version uint64, modified events.Time) error

// met returns the error of the first condition that does not hold.
func met(conditions []Condition, version uint64, modified events.Time) error {
	for _, holds := range conditions {
		if err := holds(version, modified); err != nil {
			return err
		}
	}
	return nil
}
