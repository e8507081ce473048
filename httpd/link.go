package httpd

import (
	"net/url"

	"gatebook/projection"
)

// The folders that links lead to.
const (
	servicesFolder = "/services/"
	serversFolder  = "/servers/"
	sourcesFolder  = "/sources/"
)

// appendLink appends the link to a thing of that name, or null when it has none.
func appendLink(b []byte, folder, name string) []byte {
	if name == "" {
		return append(b, "null"...)
	}
	b = append(append(b, '"'), folder...)
	b = append(b, url.PathEscape(projection.NameKey(name))...)
	return append(b, '"')
}

// lastLink remembers one link: those of a list's objects are mostly the same.
type lastLink struct {
	name, link string
}

func (l *lastLink) append(b []byte, folder, name string) []byte {
	if l.link == "" || name != l.name {
		start := len(b)
		b = appendLink(b, folder, name)
		l.name, l.link = name, string(b[start:])
		return b
	}
	return append(b, l.link...)
}
