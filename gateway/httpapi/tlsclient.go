package httpapi

import (
	"crypto/x509"
	"net/http"
)

// clientCertificate is the certificate that the client has proved to hold: in the
// handshake with this gateway, or to a proxy that is configured and says so. Nil means
// none. It was verified against client_ca where it came in the handshake, and by the
// proxy otherwise; whose it is, and whether it is the one that a token is bound to, is
// not decided here.
func clientCertificate(r *http.Request) *x509.Certificate { return originOf(r).cert }
