//go:build unix

package gateway

import (
	"context"
	"os"
	"path/filepath"
	"syscall"

	"github.com/concord-gateway/concord/gateway/fault"
)

// lock keeps a second gateway out of the data folder: the embedded store is for
// one process, and a second would take the submissions under way in the first
// for interrupted ones. The lock goes with the process, however that ends.
func (g *Gateway) lock(dir string) error {
	const op = "gateway.New"
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fault.Wrap(fault.Unavailable, op, "The data folder cannot be locked.", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		return fault.Wrap(fault.Conflict, op, "Another gateway uses the data folder "+dir+".", err)
	}
	g.onClose(func(context.Context) error { return f.Close() })
	return nil
}
