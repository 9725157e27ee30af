// Package fault is the one error type of Concord.
//
// Every error that may reach a caller of the API is an *Error: its Kind
// decides the HTTP status, its Message is safe to show, and its Cause stays
// with the operator. An error that is not an *Error counts as Internal, and
// nothing of its text leaves the process.
//
// Messages must never hold personal data (invariant 5): name the field, the
// rule or the limit, not the value.
package fault

import (
	"errors"
	"strings"
	"time"
)

// Kind says what sort of failure an error is. The HTTP face maps each kind to
// one status and one problem type.
type Kind string

// The kinds, with the HTTP status that each is answered with.
const (
	Invalid         Kind = "invalid"         // 400
	Unauthenticated Kind = "unauthenticated" // 401
	Forbidden       Kind = "forbidden"       // 403
	NotFound        Kind = "not-found"       // 404
	Conflict        Kind = "conflict"        // 409
	TooLarge        Kind = "too-large"       // 413
	Limited         Kind = "limited"         // 429
	Unprocessable   Kind = "unprocessable"   // 422
	Unavailable     Kind = "unavailable"     // 503
	Internal        Kind = "internal"        // 500
)

// Error is a failure with a kind.
type Error struct {
	Kind Kind
	// Op names the operation that failed, as "package.Function".
	Op string
	// Code refines Kind for machines, for example "purpose-unknown". It may
	// be empty.
	Code string
	// Message is one English sentence for the caller, free of personal data.
	Message string
	// Pointer is the RFC 6901 JSON pointer of the offending part of the
	// request, or empty.
	Pointer string
	// RetryAfter is how long a caller should wait before it tries again; zero
	// means that no time is known.
	RetryAfter time.Duration
	// Cause is the underlying error, for the operator only.
	Cause error
}

// New returns an error of the given kind. The message must be safe for the
// caller.
func New(kind Kind, op, message string) *Error {
	return &Error{Kind: kind, Op: op, Message: message}
}

// Wrap returns an error of the given kind that carries cause for the operator.
func Wrap(kind Kind, op, message string, cause error) *Error {
	return &Error{Kind: kind, Op: op, Message: message, Cause: cause}
}

// At returns e with the JSON pointer of the offending part set.
func (e *Error) At(pointer string) *Error {
	e.Pointer = pointer
	return e
}

// WithCode returns e with its machine-readable code set.
func (e *Error) WithCode(code string) *Error {
	e.Code = code
	return e
}

// Error returns the operator's text: operation, message and cause.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	parts = append(parts, e.Message)
	if e.Cause != nil {
		parts = append(parts, e.Cause.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// KindOf returns the kind of the outermost *Error in err's chain, and Internal
// for any other error. KindOf(nil) is the empty kind.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is of the given kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// CodeOf returns the code of the outermost *Error in err's chain, or nothing.
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}
