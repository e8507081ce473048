package render

import (
	"net/url"

	"gatebook/projection"
)

// appendLink appends the link to the thing of a name in a folder, null when the name is empty.
func appendLink(b []byte, folder, name string) []byte {
	if name == "" {
		return append(b, "null"...)
	}
	b = append(append(b, '"'), folder...)
	b = append(b, url.PathEscape(projection.NameKey(name))...)
	return append(b, '"')
}

// linkCache remembers the last link that was written.
type linkCache struct {
	name, link string
}

func (l *linkCache) append(b []byte, folder, name string) []byte {
	if l.link == "" || name != l.name {
		start := len(b)
		b = appendLink(b, folder, name)
		l.name, l.link = name, string(b[start:])
		return b
	}
	return append(b, l.link...)
}
