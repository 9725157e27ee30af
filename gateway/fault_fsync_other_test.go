//go:build !linux

package gateway_test

import "errors"

// failSyncs needs seccomp(2).
func failSyncs() error { return errors.ErrUnsupported }
