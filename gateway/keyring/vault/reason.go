package vault

import (
	"context"
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
	untrusted   reason = "Vault's certificate is not trusted"
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
	case sealed, unreachable, slow, untrusted, limited, elsewhere, failing, expired, noLogin:
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
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid):
		return untrusted, nil
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

func timedOut(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}
