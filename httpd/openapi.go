package httpd

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"

	"gatebook/httpd/render"
)

const contentYAML = "application/yaml"

// contract describes every route, parameter and answer of the API. The tests compare each
// answer they get with it.
//
//go:embed openapi.yaml
var contract []byte

// contractValidators returns the validators of the contract, which change with its text.
func contractValidators() render.Validators {
	sum := sha256.Sum256(contract)
	return render.Validators{Opaque: hex.EncodeToString(sum[:8])}
}
