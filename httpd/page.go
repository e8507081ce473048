package httpd

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/httpd/web"
)

// contentHTML is the media type of the web page.
const contentHTML = "text/html"

// page answers with the files of the web page.
type page struct {
	answers *answers
	assets  map[string]web.Asset // by path; never changed
}

func newPage(to *answers) (*page, error) {
	assets, err := web.Assets()
	return &page{answers: to, assets: assets}, err
}

// root answers a browser with the page, and other clients with nothing, which shows that
// there is an API.
func (p *page) root(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	if representationOf(c).Form == contentHTML {
		return p.send(c, p.assets[web.Index])
	}
	c.Writer.Header()["Content-Length"] = []string{"0"}
	return p.answers.empty(c, http.StatusOK)
}

// toFolder leads from the base path without its slash to the page, whose own addresses are
// relative to it.
func (p *page) toFolder(c *gin.Context) error {
	c.Header("Location", p.answers.base+"/")
	c.Header("Content-Length", "0")
	return p.answers.empty(c, http.StatusPermanentRedirect)
}

// file answers with the file that the path names.
func (p *page) file(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	found, ok := p.assets[c.Param("folder")+"/"+c.Param("file")]
	if !ok {
		return &render.Failure{
			Status: http.StatusNotFound, Title: "Not found",
			Description: "There is nothing at " + c.Request.URL.Path + ".",
		}
	}
	return p.send(c, found)
}

// send answers with a file. A browser keeps it, and asks each time whether it has changed, so
// that it never runs files of two versions together.
func (p *page) send(c *gin.Context, file web.Asset) error {
	// They are those of a 304 too: a browser takes its headers for those of what it has kept.
	header := c.Writer.Header()
	header["Content-Security-Policy"] = []string{web.Policy}
	header["Cross-Origin-Opener-Policy"] = []string{"same-origin"}
	m := p.answers.present.Moment()
	if err := p.answers.validate(c, m, render.Validators{Opaque: file.Tag}); err != nil {
		return err
	}
	a := p.answers.begin(c, m, params.Parameters{})
	defer a.Release()
	header["Content-Type"] = []string{file.Type + "; charset=utf-8"}
	if _, err := a.Write(file.Content); err != nil {
		return err
	}
	return a.Finish()
}
