package httpd

import (
	_ "embed"
	"strconv"

	"github.com/gin-gonic/gin"
)

const contentYAML = "application/yaml"

// contract describes every route, parameter and answer of the API. The tests hold
// each answer they see against it.
//
//go:embed openapi.yaml
var contract []byte

// showContract answers with the contract.
func (s *Server) showContract(c *gin.Context) error {
	if _, err := parse(c.Request.URL.RawQuery); err != nil {
		return err
	}
	stamp(c, s.registry.Moment().Sequence)
	header := c.Writer.Header()
	header["Content-Type"] = []string{contentYAML}
	header["Content-Length"] = []string{strconv.Itoa(len(contract))}
	if _, err := c.Writer.Write(contract); err != nil {
		return errGone
	}
	return nil
}
