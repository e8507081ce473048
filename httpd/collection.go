package httpd

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// The folders that links lead to.
const (
	servicesFolder = "/services/"
	serversFolder  = "/servers/"
	sourcesFolder  = "/sources/"
)

// catalog is what the API reads of services, servers and sources.
type catalog interface {
	Services() ([]*projection.Service, projection.Moment)
	Service(name string) (*projection.Service, projection.Moment, error)
	Servers() ([]*projection.Server, projection.Moment)
	Server(name string) (*projection.Server, projection.Moment, error)
	Sources() ([]*projection.Source, projection.Moment)
	Source(name string) (*projection.Source, projection.Moment, error)
	present
}

// collection answers for a kind of thing that is read as a whole, or one by its name.
type collection[T any] struct {
	answers *answers
	// thing is the kind's name in errors, as in "Service".
	thing    string
	resource *render.Resource[T]
	version  func(v T) render.Validators
	all      func() ([]T, projection.Moment)
	one      func(name string) (T, projection.Moment, error)
}

// list answers with all things.
func (x *collection[T]) list(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Fields, params.Range)
	if err != nil {
		return err
	}
	chosen, err := x.resource.Shape(p.Fields)
	if err != nil {
		return err
	}
	all, m := x.all()
	if err := x.answers.validate(c, m, latest(all, x.version)); err != nil {
		return err
	}
	return listAll(x.answers, c, m, p, chosen, all, "")
}

// show answers with the thing that the path names.
func (x *collection[T]) show(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Fields)
	if err != nil {
		return err
	}
	chosen, err := x.resource.Shape(p.Fields)
	if err != nil {
		return err
	}
	name, err := pathName(c)
	if err != nil {
		return err
	}
	v, m, err := x.one(name)
	if err != nil {
		return missing(x.thing, name, err)
	}
	if err := x.answers.validate(c, m, x.version(v)); err != nil {
		return err
	}
	a := x.answers.begin(c, m, p)
	defer a.Release()
	return render.Object(a, http.StatusOK, chosen, v)
}

// listAll answers with the part of a list in memory that the parameter range asks for. gap is
// the time without a registry that the answer lies in, "" for none.
func listAll[T any](to *answers, c *gin.Context, m projection.Moment, p params.Parameters, chosen render.Shape[T], all []T, gap string) error {
	setTotal(c, uint64(len(all)))
	a := to.begin(c, m, p)
	defer a.Release()
	a.Rendering.Gap = gap
	return render.List(a, chosen, render.Each(params.Part(&p, all)))
}

// latest returns the validators of a list: those of the element that changed last.
func latest[T any](all []T, version func(T) render.Validators) render.Validators {
	var last render.Validators
	for _, v := range all {
		if own := version(v); own.Version > last.Version {
			last = own
		}
	}
	return last
}

// pathName returns the name in the path.
func pathName(c *gin.Context) (string, error) {
	name, err := url.PathUnescape(c.Param("name"))
	if err != nil {
		return "", fmt.Errorf("unescape a path that was matched: %w", err)
	}
	return name, nil
}
