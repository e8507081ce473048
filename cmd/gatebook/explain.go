package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"gatebook/httpd/client"
)

// explain returns an error of a request as one line that says what is wrong and what to do.
func (r *serverFlags) explain(c *client.Client, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if e, ok := errors.AsType[*client.UnreachableError](err); ok {
		err := unreachable(e)
		if r.used != nil && r.URL == "" && r.Profile == "" {
			err = fmt.Errorf("%w (the server of the last gatebook login; gatebook profiles lists them)", err)
		}
		return err
	}
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		return err
	}
	switch {
	case e.Status == http.StatusUnauthorized && r.used != nil && strings.Contains(e.Description, " expired at "):
		return fmt.Errorf("the login to %s has expired at %s; say gatebook login %s", c.Address(), r.used.Ends.UTC().Format(time.RFC3339), r.used.again())
	case e.Status == http.StatusUnauthorized && r.used != nil:
		return fmt.Errorf("%s does not accept the login %s any more: it was revoked; say gatebook login %s", c.Address(), r.used.Name, r.used.again())
	case e.Status == http.StatusUnauthorized && strings.Contains(e.Description, " expired at ") && r.TokenFile != "":
		said, _, _ := strings.Cut(plain(e.Description), ". ")
		return fmt.Errorf("%s; make another with gatebook user token, and put it into %s", said, r.TokenFile)
	case e.Status == http.StatusUnauthorized && r.TokenFile != "":
		return fmt.Errorf("%s does not accept the token in %s: it was revoked, or is another server's; make another with gatebook user token", c.Address(), r.TokenFile)
	case e.Status == http.StatusUnauthorized && r.Account != "":
		return fmt.Errorf("%s does not accept the account %s with that password", c.Address(), r.Account)
	case e.Status == http.StatusUnauthorized:
		return fmt.Errorf("%s wants a login: say gatebook login %s, or --account or --token-file", c.Address(), c.Address())
	case e.Status == http.StatusNotFound && e.Short == "Not found", e.Status == http.StatusMethodNotAllowed:
		return fmt.Errorf("%s is an older gatebook, or none: %s", c.Address(), plain(e.Error()))
	case e.Status == http.StatusBadRequest && (strings.HasPrefix(e.Description, "The parameter ") || e.Short == "Unknown field"):
		return fmt.Errorf("%s is an older gatebook: %s", c.Address(), plain(e.Error()))
	case e.Status == http.StatusBadRequest && strings.Contains(e.Description, "HTTP request to an HTTPS server"):
		return fmt.Errorf("%s speaks TLS: name it with https://", c.Address())
	}
	return errors.New(plain(e.Error()))
}

// unreachable returns the error for a server that does not answer.
func unreachable(e *client.UnreachableError) error {
	address := e.Address
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](e.Err)
	wrongName, isWrongName := errors.AsType[x509.HostnameError](e.Err)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](e.Err)
	_, isRecord := errors.AsType[tls.RecordHeaderError](e.Err)
	_, isDNS := errors.AsType[*net.DNSError](e.Err)
	switch {
	case isUnknown:
		return fmt.Errorf("the certificate of %s is of an authority that is not known here; name it with --cacert", address)
	case isWrongName:
		return fmt.Errorf("the certificate of %s is for another name: %v", address, wrongName)
	case isInvalid:
		return fmt.Errorf("the certificate of %s is not valid: %v", address, invalid)
	case isRecord, strings.Contains(e.Err.Error(), "server gave HTTP response to HTTPS client"):
		return fmt.Errorf("%s speaks no TLS: name it with http://", address)
	case isDNS:
		return fmt.Errorf("the name in %s is not known: %v", address, e.Err)
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return fmt.Errorf("no server answers at %s; start one (gatebook serve), or name another with --url", address)
	case errors.Is(e.Err, os.ErrDeadlineExceeded), errors.Is(e.Err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer in time", address)
	case errors.Is(e.Err, io.EOF), errors.Is(e.Err, syscall.ECONNRESET):
		return fmt.Errorf("%s has closed the connection without an answer; it may be stopping, or speak TLS (https://)", address)
	}
	return fmt.Errorf("no answer from %s: %v", address, e.Err)
}

// plain returns a sentence of the API in the form of this program's errors.
func plain(text string) string {
	text = strings.TrimSuffix(text, ".")
	if len(text) > 1 && isUpper(text[0]) && !isUpper(text[1]) {
		return strings.ToLower(text[:1]) + text[1:]
	}
	return text
}

// isUpper reports whether a byte is a capital letter of ASCII.
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
