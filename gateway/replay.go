package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/activation"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/replay"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// Replay decides every request in the log of a configuration again, by the rules that
// were archived when they came into force. A gateway may be using store and keys;
// nothing is written, and no key made.
func Replay(ctx context.Context, cfg *config.Config, o replay.Options) (report replay.Report, err error) {
	err = readingSealed(ctx, cfg, func(db Store, keys keyring.Keyring) error {
		archive, err := activation.Replayable(ctx, db.Log(), db.Events())
		if err != nil {
			return err
		}
		report, err = replay.Replay(ctx, replay.Source{Store: db.Log(), Keys: keys}, archive, o)
		return err
	})
	return report, err
}

// Impact says what files would change for the requests in the log of a configuration,
// were the newest versions in them live on the day given, against the rules that are in
// force there. It reads as Replay does.
func Impact(ctx context.Context, cfg *config.Config, files bundle.Files, o replay.ImpactOptions) (report replay.ImpactReport, err error) {
	err = readingSealed(ctx, cfg, func(db Store, keys keyring.Keyring) error {
		current, err := activation.Latest(ctx, db.Log(), db.Events())
		if err != nil {
			return err
		}
		report, err = impact(ctx, replay.Source{Store: db.Log(), Keys: keys}, current, files, o)
		return err
	})
	return report, err
}

// impact compares candidate files with rules in force. What is suspended stays
// so under the candidate, unless a later version takes its place.
func impact(ctx context.Context, source replay.Source, current *rulebook.Rules, files bundle.Files, o replay.ImpactOptions) (replay.ImpactReport, error) {
	draft, err := rulebook.Read(files)
	if err != nil {
		return replay.ImpactReport{}, err
	}
	choice := draft.Newest()
	choice.Suspensions = current.Choice.Suspensions
	candidate, err := draft.Rules(ctx, choice)
	if err != nil {
		return replay.ImpactReport{}, err
	}
	report, err := replay.Impact(ctx, source, current.Policy, candidate.Policy, o)
	if err != nil {
		return report, err
	}
	for _, v := range choice.Live {
		report.Digests[v.Agreement] = draft.Digest(v)
	}
	return report, nil
}

// impactOf answers the API's question about a candidate bundle. One is worked
// out at a time: it reads the whole log.
func (g *Gateway) impactOf(store audit.Store, keys keyring.Keyring) func(context.Context, []byte, replay.ImpactOptions) (replay.ImpactReport, error) {
	var one sync.Mutex
	return func(ctx context.Context, raw []byte, o replay.ImpactOptions) (replay.ImpactReport, error) {
		if !one.TryLock() {
			busy := fault.New(fault.Unavailable, "gateway.Impact", "Another impact report is being worked out. Ask again.")
			busy.RetryAfter = 10 * time.Second
			return replay.ImpactReport{}, busy
		}
		defer one.Unlock()
		candidate, err := bundle.Read(raw, Authors(g.cfg))
		if err != nil {
			return replay.ImpactReport{}, err
		}
		report, err := impact(ctx, replay.Source{Store: store, Keys: keys}, g.rules.Book().In(ctx), candidate.Files, o)
		if err == nil && o.Provider != "" {
			report = report.Coarse()
		}
		return report, err
	}
}
