package reports

import (
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"gatebook/httpd/render"
	"gatebook/internal/lifecycle"
)

// wireFinals are the last counters of connections, as many as an event may have.
type wireFinals []wireFinal

// UnmarshalJSONFrom decodes the list, one element after the other.
func (l *wireFinals) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return readList(d, "connections", lifecycle.MostFinals, (*[]wireFinal)(l))
}

// wireListeners and wireServers are the addresses and servers of a service, as many as it may
// have.
type (
	wireListeners []string
	wireServers   []string
)

// UnmarshalJSONFrom decodes the list, one element after the other.
func (l *wireListeners) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return readList(d, "listeners", lifecycle.MostListeners, (*[]string)(l))
}

// UnmarshalJSONFrom decodes the list, one element after the other.
func (l *wireServers) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return readList(d, "servers", lifecycle.MostServers, (*[]string)(l))
}

// longListError reports that a member of an event is a list with too many elements.
type longListError struct {
	member string
	most   int
}

func (e *longListError) Error() string {
	return fmt.Sprintf("%s has more than %d elements", e.member, e.most)
}

// failure returns the failure of the report whose event at a place has the list.
func (e *longListError) failure(place int) error {
	return &render.Failure{
		Status: http.StatusUnprocessableEntity, Title: "Report refused",
		Description: fmt.Sprintf("Event %d: %s. Nothing of the report was recorded.", place, e),
	}
}

// readList decodes a list, and stops as soon as it has too many elements.
func readList[T any](d *jsontext.Decoder, member string, most int, to *[]T) error {
	if d.PeekKind() != '[' {
		return json.UnmarshalDecode(d, to) // which says what is wrong with it
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if len(*to) == most {
			return &longListError{member, most}
		}
		var v T
		if err := json.UnmarshalDecode(d, &v); err != nil {
			return err
		}
		*to = append(*to, v)
	}
	_, err := d.ReadToken()
	return err
}
