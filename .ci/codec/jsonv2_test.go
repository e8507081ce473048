//go:build goexperiment.jsonv2

package codec

import (
	"bytes"
	"encoding/json/v2"
	"testing"
)

// version2 is encoding/json/v2, which Go has as an experiment.
func version2() candidate {
	var buffer bytes.Buffer
	return &codec[any]{
		form: tagged(), name: "json-v2",
		append: func(b []byte, m any) []byte {
			buffer.Reset()
			must(0, json.MarshalWrite(&buffer, m))
			return append(b, buffer.Bytes()...)
		},
		decode: func(b []byte, m any) error { return json.Unmarshal(b, m) },
	}
}

func TestRoundTripVersion2(t *testing.T) { version2().testRoundTrip(t) }

func BenchmarkVersion2Encode(b *testing.B) { version2().benchmarkEncode(b) }

func BenchmarkVersion2Decode(b *testing.B) { version2().benchmarkDecode(b) }
