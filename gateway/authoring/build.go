package authoring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
)

// Checked is what a check of the folder found.
type Checked struct {
	Agreements, Versions, Datasets, Purposes int
	// Revision is that of the rules with every newest version live.
	Revision string
	// Lapsed are warnings: what time has made wrong.
	Lapsed []agreement.Finding
}

// Check puts the newest versions together as if all had been approved, and says
// what it found. What is wrong is a fault of kind Invalid.
func (d *Desk) Check(ctx context.Context, at time.Time) (*Checked, error) {
	newest := d.Newest()
	rules, err := d.Rules(ctx, newest)
	if err != nil {
		return nil, err
	}
	out := &Checked{
		Agreements: len(newest.Live), Versions: len(d.Versions), Datasets: len(d.Datasets.All()),
		Purposes: len(d.Purposes), Revision: rules.Revision(),
	}
	for _, a := range d.Versions {
		out.Lapsed = append(out.Lapsed, a.Lapsed(at)...)
	}
	return out, nil
}

// Build writes the folder as a bundle, signed by its author, in the place of an
// older one. A sequence of zero is the number after that of the bundle that is
// there.
func (d *Desk) Build(ctx context.Context, out, authorKey string, sequence int64) (int64, error) {
	const op = "authoring.Build"
	if _, err := d.Rules(ctx, d.Newest()); err != nil {
		return 0, err
	}
	if sequence == 0 {
		before, err := sequenceOf(out, authorKey)
		if err != nil {
			return 0, err
		}
		sequence = before + 1
	}
	raw, err := bundle.Build(d.Files, sequence, authorKey)
	if err != nil {
		return 0, err
	}
	if err := write(op, file{out, raw}); err != nil {
		return 0, err
	}
	return sequence, nil
}

// sequenceOf reads the number of the bundle that is there, zero where there is
// none.
func sequenceOf(file, authorKey string) (int64, error) {
	const op = "authoring.Build"
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fault.Wrap(fault.Unavailable, op, "The bundle that is there cannot be read.", err)
	}
	public, err := approval.VerifierKey(authorKey)
	if err != nil {
		return 0, err
	}
	b, err := bundle.Read(raw, []bundle.Author{{Subject: "author", Key: public}})
	if err != nil {
		return 0, fault.Wrap(fault.Conflict, op,
			"The file that is there is not a bundle of this author. Say which number the new one has with --sequence.", err)
	}
	return b.Sequence, nil
}
