package httpd

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"

	"github.com/gin-gonic/gin"
)

const contentYAML = "application/yaml"

// contract describes every route, parameter and answer of the API. The tests hold
// each answer they see against it.
//
//go:embed openapi.yaml
var contract []byte

// contractValidators tell one edition of the contract from another.
func contractValidators() validators {
	sum := sha256.Sum256(contract)
	return validators{opaque: hex.EncodeToString(sum[:8])}
}

// showContract answers with the contract.
func (s *Server) showContract(c *gin.Context) error {
	if err := parseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	m := s.registry.Moment()
	if err := s.validate(c, m, s.contract); err != nil {
		return err
	}
	a := s.answer(c, m, parameters{})
	defer a.release()
	a.b = append(a.b, contract...)
	return a.finish()
}
