package httpd

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"gatebook/projection"
)

// listAll answers with a list that one reading gives as a whole.
func listAll[T any](s *Server, c *gin.Context, r *resource[T], read func() ([]T, projection.Moment)) error {
	p, err := parse(c.Request.URL.RawQuery, paramFields, paramRange)
	if err != nil {
		return err
	}
	chosen, err := r.shape(p.fields)
	if err != nil {
		return err
	}
	all, m := read()
	if err := s.validate(c, m, latest(all, r.version)); err != nil {
		return err
	}
	a := s.answer(c, m, p)
	defer a.release()
	a.total(uint64(len(all)))
	return list(a, chosen, each(cut(all, p.span)))
}

// showNamed answers with the thing of the path's name.
func showNamed[T any](s *Server, c *gin.Context, r *resource[T], thing string,
	read func(name string) (T, projection.Moment, error),
) error {
	p, err := parse(c.Request.URL.RawQuery, paramFields)
	if err != nil {
		return err
	}
	chosen, err := r.shape(p.fields)
	if err != nil {
		return err
	}
	name, err := pathName(c)
	if err != nil {
		return err
	}
	v, m, err := read(name)
	if err != nil {
		return missing(thing, name, err)
	}
	if err := s.validate(c, m, r.version(v)); err != nil {
		return err
	}
	a := s.answer(c, m, p)
	defer a.release()
	return object(a, http.StatusOK, chosen, v)
}

// pathName is the name in the path.
func pathName(c *gin.Context) (string, error) {
	name, err := url.PathUnescape(c.Param("name"))
	if err != nil {
		return "", fmt.Errorf("unescape a path that was matched: %w", err)
	}
	return name, nil
}
