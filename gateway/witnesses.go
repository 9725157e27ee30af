package gateway

import (
	"context"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/witness"
)

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
