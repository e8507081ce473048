package servertest

// Option changes how a server is started.
type Option func(*options)

// options are what the Option functions have asked for.
type options struct {
	args             []string
	certificate, key []byte
}

// WithArgs adds arguments to the server's command line, after those of this
// package so that they win: "--max-connections=2000" for mariadbd, "-c",
// "max_connections=500" for postgres.
func WithArgs(args ...string) Option {
	return func(o *options) { o.args = append(o.args, args...) }
}

// WithTLS lets the server speak TLS with a certificate and its key, both PEM.
// Without it neither server offers TLS.
func WithTLS(certificate, key []byte) Option {
	return func(o *options) { o.certificate, o.key = certificate, key }
}
