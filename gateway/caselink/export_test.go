package caselink

import "github.com/concord-gateway/concord/gateway/keyring"

// Keys are those of a register.
func Keys(r *Register) keyring.Keyring { return r.keys }
