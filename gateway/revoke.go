package gateway

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// revocationWait bounds how long one reading of the list, and one noting of what is
// new in it, may take: the next is due soon.
const revocationWait = 5 * time.Second

// followRevocations reads the list of what is revoked from time to time, and notes
// in the log what is new in it. Where it cannot, the list itself refuses everybody
// before long.
func (g *Gateway) followRevocations(ctx context.Context, list *revocation.List) {
	g.background(ctx, revocation.Every, func(ctx context.Context) {
		reading, cancel := context.WithTimeout(ctx, revocationWait)
		defer cancel()
		if err := list.Refresh(reading); err != nil {
			g.logger.Error("the list of revocations cannot be read", "error", err)
			return
		}
		noting, stop := context.WithTimeout(ctx, revocationWait)
		defer stop()
		err := list.Announce(noting, func(n int64, r *revocation.Row) error { return g.noteRevocation(noting, n, r) })
		if err != nil {
			g.logger.Error("a revocation is in force, and not in the log yet", "error", err)
		}
	})
}

// noteRevocation writes a row of the list into the log. Who is meant is a member of
// an agency's staff, whom the log names openly; why is not for everybody.
func (g *Gateway) noteRevocation(ctx context.Context, n int64, r *revocation.Row) error {
	detail := map[string]string{"kind": "revocation", "row": strconv.FormatInt(n, 10), "of": r.Of(), "since": audit.FormatTime(r.At)}
	for name, value := range map[string]string{
		"agency": r.Agency, "subject": r.Subject, "issuer": r.Issuer, "token_id": r.TokenID, "certificate": r.Certificate,
	} {
		if value != "" {
			detail[name] = value
		}
	}
	if r.Lift {
		detail["kind"] = "revocation-lifted"
	}
	_, err := g.log.Append(ctx, audit.Request{
		ID: "revocation/" + strconv.FormatInt(n, 10), Actor: audit.Actor{Agency: g.cfg.Log.Origin, Subject: "operator"},
		Drafts: []audit.Draft{{Action: audit.Admin, Admin: detail, Private: audit.Private{Justification: r.Reason}}},
	})
	return err
}

// Revoke adds a row to the list of the configuration's gateways, which may be
// running.
func Revoke(ctx context.Context, cfg *config.Config, r revocation.Row) (err error) {
	g := &Gateway{cfg: cfg, logger: slog.New(slog.DiscardHandler)}
	defer func() { err = errors.Join(err, g.Close(ctx)) }()
	if _, _, err := g.ownKeys(ctx); err != nil { // or the first key would be made in a keyring that is another's
		return err
	}
	db, err := g.openToInsert(ctx)
	if err != nil {
		return err
	}
	keys, err := g.openRegistered(ctx, db, Options{Clock: time.Now})
	if err != nil {
		return err
	}
	if _, err := keys.Existing().Signer(ctx, audit.SignerName(1)); err != nil { // it is the log's, by the register
		return err
	}
	return revocation.New(db.Events(), keys, time.Now).Add(ctx, r)
}

// openToInsert opens the store beside the gateway whose it is: for single inserts, which
// the database itself keeps apart from the gateway's.
func (g *Gateway) openToInsert(ctx context.Context) (Store, error) {
	if g.shared() {
		return g.openStore(ctx)
	}
	db, err := sqlite.Open(ctx, g.cfg.DataDir, sqlite.Options{})
	if err != nil {
		return nil, err
	}
	g.onClose(func(context.Context) error { return db.Close() })
	return db, nil
}
