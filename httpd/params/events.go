package params

import (
	"strings"

	"gatebook/events"
	"gatebook/httpd/render"
)

func (p *Parameters) setSessions(wanted []string) error {
	for _, text := range wanted {
		id, ok := Number(text, 64)
		if !ok || id == 0 {
			return Invalid("session=%s is no session: it is a number from 1 on, %s, as in session=42.", text, plainNumber)
		}
		p.Events.Sessions = append(p.Events.Sessions, id)
	}
	return nil
}

func (p *Parameters) setKinds(wanted []string) error {
	var known []string
	byName := make(map[string]events.Kind)
	for _, kind := range events.Kinds() {
		known = append(known, kind.String())
		byName[kind.String()] = kind
	}
	for _, name := range wanted {
		kind, ok := byName[name]
		if !ok {
			like := ""
			if guess := render.Nearest(name, known); guess != "" {
				like = " Did you mean " + guess + "?"
			}
			return Invalid("kind=%s is not known.%s Known are: %s.", name, like, strings.Join(known, ", "))
		}
		p.Events.Kinds = append(p.Events.Kinds, kind)
	}
	return nil
}
