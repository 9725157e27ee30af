package gateway

import (
	"context"
	"strconv"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/witness"
)

// openLog opens the log, which asks its witnesses, and leaves its public key in the
// data folder.
func (g *Gateway) openLog(ctx context.Context, store audit.Store, keys keyring.Keyring, opt Options) error {
	witnesses, err := g.witnesses()
	if err != nil {
		return err
	}
	g.log, err = audit.Open(ctx, audit.Config{
		Store: store, Keys: keys, Origin: g.cfg.Log.Origin, Clock: opt.Clock,
		Logger: opt.Logger, CheckpointEvery: g.cfg.Log.CheckpointEvery, KeyVersion: g.cfg.Log.KeyVersion,
		Witnesses: witnesses, Quorum: g.cfg.Log.Quorum, Patience: g.cfg.Log.Patience,
		Queue: opt.Queue,
	})
	if err != nil {
		return err
	}
	// Once more at the end: a key that is brought in came with an entry since.
	g.onClose(func(context.Context) error { return g.writeKey() })
	g.onClose(g.log.Close)
	return g.writeKey()
}

// witnesses makes the ways to the witnesses of the log.
func (g *Gateway) witnesses() ([]audit.WitnessConfig, error) {
	witnesses := make([]audit.WitnessConfig, len(g.cfg.Log.Witnesses))
	for i, w := range g.cfg.Log.Witnesses {
		client, err := witness.New(w.URL)
		if err != nil {
			return nil, err
		}
		g.onClose(func(context.Context) error { client.Close(); return nil })
		witnesses[i] = audit.WitnessConfig{Name: w.Name, Key: w.Key, Witness: client}
	}
	return witnesses, nil
}

// cosigners are the keys of the witnesses of whom a quorum has to have cosigned what is
// published: none, where none has to.
func cosigners(l *config.Log) (keys []string) {
	if l.Quorum == 0 {
		return nil
	}
	for _, w := range l.Witnesses {
		keys = append(keys, w.Key)
	}
	return keys
}

// RotateLogKey brings the log to a version of its key while the gateway runs; that it
// was asked to is logged, and hands the log over. A version that the log has come to
// changes nothing. Where the new key cannot be had now, the log goes on under its own and
// tries again once a minute: that is Unavailable.
func (g *Gateway) RotateLogKey(ctx context.Context, version int) error {
	const op = "gateway.RotateLogKey"
	if version <= len(g.log.VKeys()) {
		return nil
	}
	g.log.RotateKey(version)
	_, err := g.log.Append(ctx, audit.Request{
		ID: "log-key-asked/" + strconv.Itoa(version), Actor: audit.Actor{Agency: g.cfg.Log.Origin, Subject: "log-key"},
		Drafts: []audit.Draft{{Action: audit.Admin, Admin: map[string]string{"kind": "log-key-asked", "version": strconv.Itoa(version)}}},
	})
	switch {
	case err != nil:
		return err
	case len(g.log.VKeys()) < version:
		return fault.New(fault.Unavailable, op, "The new log key cannot be had now. It is tried again once a minute.")
	}
	g.logger.Info("the log key was rotated", "version", version, "key", g.log.VKey())
	return g.writeKey()
}
