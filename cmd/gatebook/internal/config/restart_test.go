package config_test

import (
	"slices"
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/config"
)

func TestNeedRestart(t *testing.T) {
	running, err := config.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	quiet := strings.Replace(whole, "access_log = true", "access_log = false", 1)
	if f, err := config.Parse(quiet); err != nil || !slices.Equal(f.NeedRestart(running), []string{"access_log"}) {
		t.Errorf("without the access log: error %v, %q", err, f.NeedRestart(running))
	}
	below := "base_path = \"/gate\"\n" + whole
	if f, err := config.Parse(below); err != nil || !slices.Equal(f.NeedRestart(running), []string{"base_path"}) {
		t.Errorf("below a base path: error %v, %q", err, f.NeedRestart(running))
	}
	for change, want := range map[string][]string{
		"": nil,
		"[tls]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n":        {"tls"},
		"[log]\nsegment_bytes = 67108864\nscrub_period = \"1d\"\n": {"log"},
	} {
		f, err := config.Parse(whole + change)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.NeedRestart(running); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", change, got, want)
		}
	}
}

func TestBasePath(t *testing.T) {
	for text, want := range map[string]string{"": "", `base_path = "/"`: "", `base_path = "/tools/gate/"`: "/tools/gate"} {
		f, err := config.Parse(text)
		if err != nil || f.Base() != want {
			t.Errorf("%s: got %v, error %v", text, f, err)
		}
	}
	for text, want := range map[string]string{
		`base_path = "gate"`:      `base_path is "gate", which is no base path`,
		`base_path = "/sessions"`: "/sessions is a path of the API itself",
		`basepath = "/gate"`:      `did you mean "base_path"?`,
	} {
		if _, err := config.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", text, err, want)
		}
	}
}

func TestRefusedAPITLS(t *testing.T) {
	for text, want := range map[string]string{
		"[tls]\nkey = \"a.key\"\n":         `tls has no certificate; write certificate = "api.pem"`,
		"[tls]\ncertificate = \"a.pem\"\n": `tls has no key; write key = "api.key"`,
		"[tls]\ncertificat = \"a.pem\"\n":  `unknown key "tls.certificat"; did you mean "certificate"?`,
	} {
		if _, err := config.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}
