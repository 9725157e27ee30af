//go:build !unix

package audit_test

// sharedChild is for systems with signals.
func sharedChild() {}
