package demo

import (
	"bytes"
	"context"
	"errors"

	"github.com/concord-gateway/concord/gateway/audit"
	reader "github.com/concord-gateway/concord/gateway/client"
)

// tellRegister has a partner fetch its register, with proofs from the public
// log, and verify it away from the gateway.
func (d *Demo) tellRegister(ctx context.Context) error {
	if err := d.gateway.PublishCheckpoint(ctx); err != nil {
		return err
	}
	token, err := d.folder.Token("housing-ig")
	if err != nil {
		return err
	}
	partner, err := reader.New(d.client.base, token)
	if err != nil {
		return err
	}
	opening, uses, err := partner.Register(ctx)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := audit.WriteRegister(&file, opening, uses); err != nil {
		return err
	}
	r, err := audit.VerifyRegister(&file, audit.VerifyOptions{Keys: []string{d.gateway.VKey()}})
	if err != nil {
		return err
	}
	d.printf("   The published log has %d entries, and commits to %d in the chain of %s.\n", r.Size, r.Uses, r.Provider)
	for _, c := range r.Counts {
		d.printf("     %-16s %-32s %s  %d disclosed, %d denied\n", c.Dataset, c.Purpose, c.Month, c.Disclosed, c.Denied)
	}
	if !r.OK {
		return errors.New("the partner's register does not verify")
	}
	d.printf("   VERIFIED: every one of them is in the log at its place, none is missing, none was changed.\n")
	return nil
}
