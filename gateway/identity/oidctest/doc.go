// Package oidctest holds tests of identity and its provider against a real
// OpenID provider: zitadel/oidc, a certified one, over TLS on this machine. It
// has nothing else, so that nothing but a test ever links that library.
package oidctest
