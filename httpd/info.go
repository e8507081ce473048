package httpd

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
)

// folderInfo describes the data folder, for an administrator.
type folderInfo struct{ registry healthReader }

// show answers with what the data folder holds.
func (f *folderInfo) show(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	info, err := f.registry.Info(c.Request.Context())
	if errors.Is(err, gatebook.ErrNoFiles) {
		return errNoFiles()
	}
	if err != nil {
		return err
	}
	b, err := json.Marshal(info)
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, render.JSON, b)
	return nil
}

// errNoFiles refuses what needs a log that is kept in files.
func errNoFiles() error {
	return &render.Failure{Status: http.StatusNotFound, Title: "Not found", Description: "The log of this server is not kept in files."}
}
