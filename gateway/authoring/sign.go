package authoring

import (
	"context"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/replay"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// SignOptions say what one approver signs.
type SignOptions struct {
	ID string
	// Version is zero for the highest.
	Version int
	// Key is the approver's private key.
	Key string
	// LiveFrom is from when the agreement is to be live. The zero time takes over
	// what a party has signed before, or else the start of the next day in UTC.
	LiveFrom time.Time
	// Impact is the impact report that the approver has read. Nothing takes over
	// what a party has signed before.
	Impact []byte
	// Lifts is the log entry of the suspension that the version puts an end to.
	// Zero takes over what a party has signed before.
	Lifts int64
	// Founding says that there is no impact report, because nothing is in force
	// yet that it could be about.
	Founding bool
	// At is the time of signing.
	At time.Time
}

// Signed is what came of it.
type Signed struct {
	Statement approval.Statement
	// File is where the approval stands.
	File string
	// Report is the impact report that the statement names, for the signer to
	// read; nil in a founding set.
	Report *replay.ImpactReport
	// Dropped says that signatures of another statement were there, and are void.
	Dropped bool
}

// Sign adds an approver's signature to an agreement version, after checking
// what the gateway will check: that the whole folder is sound, that nothing has
// lapsed, that the day is ahead, and that the impact report is about this very
// content.
func (d *Desk) Sign(ctx context.Context, o SignOptions) (*Signed, error) {
	const op = "authoring.Sign"
	a, err := d.find(op, o.ID, o.Version)
	if err != nil {
		return nil, err
	}
	if _, err := approval.VerifierKey(o.Key); err != nil {
		return nil, err
	}
	if err := d.sound(ctx, a, o.At); err != nil {
		return nil, err
	}
	before := d.Approval(a)
	earlier, err := approval.Said(before)
	current := err == nil && earlier.Digest == d.Digest(rulebook.VersionOf(a)) && earlier.Version == a.Version
	s, report, err := d.statement(a, o, earlier, current)
	if err != nil {
		return nil, err
	}
	note, err := approval.Sign(s, before, o.Key)
	if err != nil {
		return nil, err
	}
	out := &Signed{Statement: s, File: d.path(a, rulebook.ApprovalFile), Dropped: len(before) > 0 && (!current || earlier != s)}
	files := []file{{out.File, note}}
	if len(report) > 0 {
		read, err := replay.ParseImpact(report)
		if err != nil {
			return nil, err
		}
		out.Report = &read
		files = append(files, file{d.path(a, rulebook.ImpactFile), report})
	}
	if err := write(op, files...); err != nil {
		return nil, err
	}
	return out, nil
}

// sound checks the folder as a gateway will when this version is live.
func (d *Desk) sound(ctx context.Context, a *agreement.Agreement, at time.Time) error {
	if lapsed := a.Lapsed(at); len(lapsed) > 0 {
		return fault.Wrap(fault.Invalid, "authoring.Sign", "The agreement cannot be signed any more.", agreement.Findings(lapsed))
	}
	choice := d.Newest()
	for i, v := range choice.Live {
		if v.Agreement == a.ID { // which need not be the newest
			choice.Live[i] = rulebook.VersionOf(a)
		}
	}
	_, err := d.Rules(ctx, choice)
	return err
}

// statement is what is signed, and the impact report that goes with it. Where a
// party has signed the same content before, what is not said is what it said.
func (d *Desk) statement(a *agreement.Agreement, o SignOptions, earlier approval.Statement, current bool) (approval.Statement, []byte, error) {
	const op = "authoring.Sign"
	s := approval.Statement{
		Agreement: a.ID, Version: a.Version, Digest: d.Digest(rulebook.VersionOf(a)),
		LiveFrom: o.LiveFrom.UTC().Truncate(time.Second), Impact: approval.NoImpact, Lifts: o.Lifts,
	}
	if current && o.Lifts == 0 {
		s.Lifts = earlier.Lifts
	}
	report := o.Impact
	if current && len(report) == 0 && !o.Founding {
		report = d.Impact(a)
		o.Founding = earlier.Impact == approval.NoImpact
		if !o.Founding && approval.ImpactHash(report) != earlier.Impact {
			return s, nil, fault.New(fault.Invalid, op, "The impact report beside the agreement is not the one that was signed before. "+
				"Put that back, or give another with --impact; everybody who has signed signs again.")
		}
	}
	switch {
	case o.LiveFrom.IsZero() && current:
		s.LiveFrom = earlier.LiveFrom
	case o.LiveFrom.IsZero():
		s.LiveFrom = o.At.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	}
	if s.LiveFrom.Before(o.At.UTC().Truncate(time.Second)) {
		return s, nil, fault.New(fault.Invalid, op,
			"An agreement goes live on a day that is ahead. Give another with --live-from; everybody who has signed signs again.")
	}
	if o.Founding && len(o.Impact) == 0 {
		return s, nil, nil
	}
	if err := about(report, a.ID, s.Digest); err != nil {
		return s, nil, err
	}
	s.Impact = approval.ImpactHash(report)
	return s, report, nil
}

// about checks that an impact report is about this content of an agreement.
func about(report []byte, id, digest string) error {
	const op = "authoring.Sign"
	if len(report) == 0 {
		return fault.New(fault.Invalid, op, "Nobody signs what they have not seen the effect of. Make the report with `concord policy impact` "+
			"and give it with --impact; or say --founding where nothing is in force yet.")
	}
	r, err := replay.ParseImpact(report)
	if err != nil {
		return err
	}
	if r.Digests[id] != digest {
		return fault.New(fault.Invalid, op, "The impact report is about another content of the agreement. Make it again.")
	}
	return nil
}
