// Package devissuer is an identity provider in a folder, for development, tests
// and the demonstration: whoever can read the folder can be anybody. It stands
// where each agency's own identity provider stands in production.
//
// Every agency has an issuer of its own, with one Ed25519 key, so that what one
// agency's key signs never passes for another's:
//
//	<folder>/<agency>.key         private key, PKCS #8 in PEM
//	<folder>/<agency>.jwks.json   public key, a JSON Web Key Set (RFC 7517)
//
// The folder must have mode 0700 and the private keys 0600; both are refused if
// wider. A gateway needs the public key sets only.
package devissuer
