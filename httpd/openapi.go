package httpd

import (
	"bytes"
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
var openapi []byte

// contract is the text that describes the API, as a server shows it.
type contract struct {
	text       []byte
	validators render.Validators // they change with the text
}

// contractBelow returns the contract of an API below a base path.
func contractBelow(base string) contract {
	text := openapi
	if base != "" {
		text = bytes.Replace(text, []byte("\n  - url: /\n"), []byte("\n  - url: "+base+"\n"), 1)
	}
	sum := sha256.Sum256(text)
	return contract{text: text, validators: render.Validators{Opaque: hex.EncodeToString(sum[:8])}}
}
