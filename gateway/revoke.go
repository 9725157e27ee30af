package gateway

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// revocationWait bounds how long one reading of the list, and one noting of what is
// new in it, may take: the next is due soon.
const revocationWait = 5 * time.Second

// revocations reads the list of what is revoked. A list that was altered keeps nobody
// from reading the log: the gateway starts, refuses everybody and says why, and goes on
// once the list is whole.
func (g *Gateway) revocations(ctx context.Context, db Store, keys keyring.Keyring) (*revocation.List, error) {
	list := revocation.New(db.Events(), revocationNotes{db.Log()}, keys, time.Now)
	err := list.Refresh(ctx)
	if fault.CodeOf(err) == revocation.Altered {
		g.logger.Error("nobody is let in", "error", err)
		return list, nil
	}
	return list, err
}

// followRevocations notes in the log what is new in the list, reads the list from time
// to time, and does the same again. Where it cannot read it, the list itself refuses
// everybody before long.
func (g *Gateway) followRevocations(ctx context.Context, list *revocation.List) {
	g.noteRevocations(ctx, list)
	g.background(ctx, revocation.Every, func(ctx context.Context) {
		reading, cancel := context.WithTimeout(ctx, revocationWait)
		defer cancel()
		if err := list.Refresh(reading); err != nil {
			g.logger.Error("the list of revocations cannot be read, or be relied on", "error", err)
			return
		}
		g.noteRevocations(ctx, list)
	})
}

// noteRevocations notes what was read and is not in the log yet. What fails is tried
// again at the next reading.
func (g *Gateway) noteRevocations(ctx context.Context, list *revocation.List) {
	ctx, cancel := context.WithTimeout(ctx, revocationWait)
	defer cancel()
	if err := list.Announce(ctx, g.noteRevocation); err != nil {
		g.logger.Error("a revocation is in force, and not in the log yet", "error", err)
	}
}

// noteRevocation writes a row of the list into the log. Who is meant is a member of
// an agency's staff, whom the log names openly; why is not for everybody.
func (g *Gateway) noteRevocation(ctx context.Context, n int64, r *revocation.Row, digest string) error {
	detail := map[string]string{
		"kind": kindRevoked, "row": strconv.FormatInt(n, 10), "of": r.Of(), "since": audit.FormatTime(r.At), "list": digest,
	}
	for name, value := range map[string]string{
		"agency": r.Agency, "subject": r.Subject, "issuer": r.Issuer, "token_id": r.TokenID, "certificate": r.Certificate,
	} {
		if value != "" {
			detail[name] = value
		}
	}
	if r.Lift {
		detail["kind"] = kindLifted
	}
	_, err := g.log.Append(ctx, audit.Request{
		ID: revocationRequest(n), Actor: audit.Actor{Agency: g.cfg.Log.Origin, Subject: "operator"},
		Drafts: []audit.Draft{{Action: audit.Admin, Admin: detail, Private: audit.Private{Justification: r.Reason}}},
	})
	return err
}

// The kinds of the entries about revocations (Entry.Admin["kind"]).
const (
	kindRevoked = "revocation"
	kindLifted  = "revocation-lifted"
)

// revocationRequest joins the entries about a row; requests of callers have UUIDs.
func revocationRequest(n int64) string { return "revocation/" + strconv.FormatInt(n, 10) }

// revocationNotes finds in the log what noteRevocation wrote, whether or not the log is
// open here. It implements revocation.Log.
type revocationNotes struct{ store audit.Store }

// Noted implements revocation.Log. It finds an entry by the number of its row: one
// look-up by an index.
func (l revocationNotes) Noted(ctx context.Context, n int64) (revocation.Note, error) {
	const op = "gateway.Noted"
	found, err := audit.Search(ctx, l.store, audit.Query{RequestID: revocationRequest(n), Limit: 1})
	if err != nil {
		return revocation.Note{}, err
	}
	if len(found) == 0 {
		return revocation.Note{}, fault.New(fault.NotFound, op, "The log has no such revocation.")
	}
	d := found[0].Entry.Admin
	at, err := time.Parse(time.RFC3339Nano, d["since"])
	if err != nil || d["kind"] != kindRevoked && d["kind"] != kindLifted || d["row"] != strconv.FormatInt(n, 10) {
		return revocation.Note{}, fault.Wrap(fault.Internal, op, "An entry of the log about a revocation cannot be read.", err)
	}
	return revocation.Note{Digest: d["list"], Row: revocation.Row{
		Agency: d["agency"], Subject: d["subject"], Issuer: d["issuer"], TokenID: d["token_id"], Certificate: d["certificate"],
		Lift: d["kind"] == kindLifted, At: at,
	}}, nil
}

// Revoke adds a row to the list of the configuration's gateways, which may be
// running.
func Revoke(ctx context.Context, cfg *config.Config, r revocation.Row) error {
	return withRevocations(ctx, cfg, func(list *revocation.List) error { return list.Add(ctx, r) })
}

// RestoreRevocations puts back what the list of the configuration's gateways, which may
// be running, has lost and their log has. It returns how many rows that were.
func RestoreRevocations(ctx context.Context, cfg *config.Config) (n int, err error) {
	err = withRevocations(ctx, cfg, func(list *revocation.List) error {
		n, err = list.Restore(ctx)
		return err
	})
	return n, err
}

// withRevocations opens the list.
func withRevocations(ctx context.Context, cfg *config.Config, do func(*revocation.List) error) (err error) {
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
	return do(revocation.New(db.Events(), revocationNotes{db.Log()}, keys, time.Now))
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
