package gateway

import (
	"context"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// revocationWait bounds how long one reading of the list, and one noting of what is
// new in it, may take: the next is due soon.
const revocationWait = 5 * time.Second

// revocations reads the list of what is revoked. A list that was altered keeps nobody
// from reading the log: the gateway starts, refuses everybody and says why, and goes on
// once the list is whole.
func (g *Gateway) revocations(ctx context.Context, db Store, keys keyring.Keyring, opt Options) (*revocation.List, error) {
	list := revocation.New(db.Events(), g.notesIn(db), keys, opt.Elapsing)
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
		ID: revocationRequest(n), Actor: audit.Actor{Agency: g.cfg.Log.Origin, Subject: revocationActor},
		Drafts: []audit.Draft{{Action: audit.Admin, Admin: detail, Private: audit.Private{Justification: r.Reason}}},
	})
	return err
}
