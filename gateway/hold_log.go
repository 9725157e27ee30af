package gateway

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

var errOtherLog = errors.New("the log key of the keyring did not sign the log: the keyring is another's, or its key was exchanged")

// holdLogKey holds keys against the log of a store, which the keys' owner has written: its
// first log key has to have signed how the log begins, and the newest version to be the one
// that the log was handed over to. It returns the first verifier key. An origin that is ""
// is the one that the log says. A log without entries is NotFound; keys that are another's
// are Unavailable. Nothing is made or written.
func holdLogKey(ctx context.Context, log audit.Store, origin string, keys keyring.Keyring) (vkey string, err error) {
	first, err := log.Batch(ctx, 0)
	if err != nil {
		return "", err
	}
	if origin == "" {
		origin = originOf(first)
	}
	if vkey, err = versionKey(ctx, keys, origin, 1); err != nil {
		return "", err
	}
	report, err := audit.Verify(ctx, beginning{first}, audit.VerifyOptions{Keys: []string{vkey}})
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(report.Problems, aboutKeys) {
		return "", otherLog(errOtherLog)
	}
	return vkey, holdNewestKey(ctx, log, origin, keys)
}

// holdNewestKey holds the newest version of the log key against the log.
func holdNewestKey(ctx context.Context, log audit.Store, origin string, keys keyring.Keyring) error {
	found, err := audit.Search(ctx, log, audit.Query{RequestID: origin + "/log-key", Action: audit.Admin, Limit: 1})
	if err != nil || len(found) == 0 {
		return err
	}
	handedOver := found[0].Entry.Admin
	version, err := strconv.Atoi(handedOver["version"])
	if err != nil {
		return otherLog(fmt.Errorf("the newest log key cannot be read: %w", err))
	}
	vkey, err := versionKey(ctx, keys, origin, version)
	if err == nil && vkey != handedOver["vkey"] {
		err = otherLog(fmt.Errorf("sign/%s: %w", audit.SignerName(version), errOtherLog))
	}
	return err
}

// versionKey is the verifier key of a version of the log key.
func versionKey(ctx context.Context, keys keyring.Keyring, origin string, version int) (string, error) {
	name := audit.SignerName(version)
	signer, err := keys.Signer(ctx, name)
	if err != nil {
		return "", fault.Wrap(fault.Unavailable, "gateway.Keys", "The log key cannot be had.", fmt.Errorf("sign/%s: %w", name, err))
	}
	vkey, err := audit.VKey(origin, signer.Public())
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "gateway.Keys", "The log key does not fit the origin.", err)
	}
	return vkey, nil
}

func otherLog(err error) error {
	return fault.Wrap(fault.Unavailable, "gateway.Keys", "The keys are not those of this log.", err)
}

// originOf is the name that a log has by its first entry, in which it introduces itself.
func originOf(first *audit.Batch) string {
	if len(first.Entries) == 0 {
		return ""
	}
	c, err := audit.ColumnsOf(first.Entries[0])
	if err != nil {
		return ""
	}
	return c.Agency
}

// aboutKeys reports whether a problem is of the keys that signed, and not of what is in
// the entries.
func aboutKeys(p audit.Problem) bool {
	return slices.Contains([]string{audit.CodeSession, audit.CodeWriter, audit.CodeKey}, p.Code)
}

// beginning is how a log begins. It implements audit.Source.
type beginning struct{ first *audit.Batch }

func (b beginning) Batches(context.Context) iter.Seq2[*audit.Batch, error] {
	return func(yield func(*audit.Batch, error) bool) { yield(b.first, nil) }
}

func (beginning) Checkpoints(context.Context) ([][]byte, error) { return nil, nil }
