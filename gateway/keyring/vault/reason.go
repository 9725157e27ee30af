package vault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/api"
)

// reason says in words why Vault did not do what it was asked.
type reason string

const (
	sealed      reason = "Vault is sealed"
	unreachable reason = "Vault cannot be reached"
	slow        reason = "Vault does not answer in time"
	untrusted   reason = "Vault's certificate is not trusted: no authority of keys.vault.ca_file, or of the system without it, has signed it"
	misnamed    reason = "Vault's certificate is not trusted: it is for another name than keys.vault.address has"
	outdated    reason = "Vault's certificate is not trusted: it has expired or does not hold yet"
	wantsTLS    reason = "Vault wants TLS: keys.vault.address has to begin with https"
	lacksTLS    reason = "Vault answers without TLS, and keys.vault.address begins with https"
	limited     reason = "Vault is asked too much and says to wait (429)"
	elsewhere   reason = "Vault sends the gateway elsewhere, where it does not go: name a node that works or forwards"
	failing     reason = "Vault fails"
	denied      reason = "Vault says permission denied: look at the policies of the gateway's role"
	expired     reason = "the gateway's token for Vault is expired or revoked"
	noLogin     reason = "Vault refuses the gateway's login"
	misread     reason = "Vault does not understand what it was asked"
)

// outage reports whether a reason is one that holds for every call.
func (r reason) outage() bool {
	switch r {
	case sealed, unreachable, slow, untrusted, misnamed, outdated, wantsTLS, lacksTLS, limited, elsewhere, failing, expired, noLogin:
		return true
	default:
		return false
	}
}

// refusal is a call that failed. It repeats nothing that was sent or answered, but
// the path, which is made of mounts and scopes.
type refusal struct {
	reason reason
	// status is Vault's, or 0 where it did not answer.
	status int
	path   string
	// missing: Vault says that there is no such key.
	missing bool
	// lapsed: Vault says that the token is none.
	lapsed bool
	cause  error
}

func (r *refusal) Error() string {
	text := string(r.reason)
	if r.path != "" {
		text += fmt.Sprintf(" (%s", r.path)
		if r.status != 0 {
			text += fmt.Sprintf(", %d", r.status)
		}
		text += ")"
	}
	if r.cause != nil {
		text += ": " + r.cause.Error()
	}
	return text
}

func (r *refusal) Unwrap() error { return r.cause }

// refused turns an error of the client into a refusal. An error that the client
// made of an answer is taken apart and dropped: it may repeat anything.
func refused(path string, err error) *refusal {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r
	}
	r := &refusal{path: path}
	answer, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		r.reason, r.cause = unanswered(err)
		return r
	}
	r.status = answer.StatusCode
	text := strings.ToLower(strings.Join(answer.Errors, "\n"))
	switch {
	case strings.Contains(text, "no existing key"), strings.Contains(text, "could not delete key; not found"): // which Vault calls 500
		r.reason, r.missing = misread, true
	case strings.Contains(text, "client sent an http request to an https server"): // as Go's servers answer
		r.reason = wantsTLS
	case strings.Contains(text, "vault is sealed"):
		r.reason = sealed
	case r.status == http.StatusForbidden:
		r.reason, r.lapsed = denied, strings.Contains(text, "invalid token")
	case r.status == http.StatusTooManyRequests:
		r.reason = limited
	case r.status >= http.StatusInternalServerError || r.status < http.StatusBadRequest:
		r.reason = failing
	default:
		r.reason = misread
	}
	return r
}

// unanswered says why there was no answer. Only what a connection says of itself is
// kept as the cause.
func unanswered(err error) (reason, error) {
	if r := mistrusted(err); r != "" {
		return r, nil
	}
	switch {
	case errors.Is(err, errElsewhere):
		return elsewhere, nil
	case errors.Is(err, context.DeadlineExceeded), timedOut(err):
		return slow, nil
	case errors.Is(err, context.Canceled):
		return slow, context.Canceled
	default:
		return unreachable, nil
	}
}

// mistrusted says why Vault was not spoken to in TLS, or nothing.
func mistrusted(err error) reason {
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	var roots x509.SystemRootsError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &host):
		return misnamed
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return outdated
	case errors.As(err, &invalid), errors.As(err, &authority), errors.As(err, &roots):
		return untrusted
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return lacksTLS
	default:
		return ""
	}
}

func timedOut(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}
