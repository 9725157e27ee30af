package local

import (
	"path/filepath"
	"testing"

	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/keyringtest"
)

func TestConformance(t *testing.T) {
	keyringtest.Run(t, func(t *testing.T) keyringtest.Open {
		dir := filepath.Join(t.TempDir(), "keys")
		return func() keyring.Keyring { return reopen(t, dir) }
	})
}
