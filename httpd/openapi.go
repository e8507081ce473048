package httpd

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"

	"gatebook/httpd/render"
)

const contentYAML = "application/yaml"

// contract describes every route, parameter and answer of the API. The tests hold
// each answer they see against it.
//
//go:embed openapi.yaml
var contract []byte

// contractValidators tell one edition of the contract from another.
func contractValidators() render.Validators {
	sum := sha256.Sum256(contract)
	return render.Validators{Opaque: hex.EncodeToString(sum[:8])}
}
