package identity

import (
	"crypto/x509"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Revocations is the list of what was revoked before its end.
type Revocations interface {
	// Check answers nil where nothing of the credential is revoked, a fault of kind
	// Unauthenticated where something is, and Unavailable where the list is not
	// known well enough to say.
	Check(c Credential) error
}

// Credential is what a revocation may be about. What is empty is not there.
type Credential struct {
	Agency, Subject string
	Issuer, TokenID string
	// Certificate is the thumbprint of the certificate that the caller proved to
	// hold, whether or not the token is bound to it.
	Certificate string
}

// Thumbprint returns the SHA-256 digest of a certificate in base64url, as tokens
// (RFC 8705 section 3.1) and Credential have it.
func Thumbprint(c *x509.Certificate) string { return thumbprintOf(c) }

func (v *Verifier) checkRevoked(t *verified, certificate string) error {
	if v.revoked == nil {
		return nil
	}
	err := v.revoked.Check(Credential{
		Agency: t.principal.Agency, Subject: t.principal.Subject, Issuer: t.issuer, TokenID: t.tokenID, Certificate: certificate,
	})
	if err != nil && !fault.Is(err, fault.Unavailable) {
		return refusal("it was revoked")
	}
	return err
}
