package backup

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// Restore is what a restore needs.
type Restore struct {
	// Open opens the empty stores that are filled, and may make them: it is called once
	// backup and log are verified.
	Open func(ctx context.Context) (Stores, error)
	// Keys are the verifier keys that the log is trusted by.
	Keys []string
	// Own are the verifier keys of the log that the keyring holds.
	Own []string
	// Keyring opens what the log says was erased. No key is made in it.
	Keyring keyring.Keyring
	// Witnesses are the verifier keys of the witnesses, of which Quorum must have
	// cosigned the checkpoint of the newer log; none, and 0, where there are none.
	Witnesses []string
	Quorum    int
	Clock     func() time.Time
	// Progress, where set, is told how far a part of the work is.
	Progress func(what string, done, total int64)
}

// Restored says what was done.
type Restored struct {
	// Backup is the header of the backup.
	Backup Header `json:"backup"`
	// Size and Root are those of the restored log; Newer counts its entries that the
	// backup does not have.
	Size  int64  `json:"size"`
	Root  string `json:"root"`
	Newer int64  `json:"newer"`
	// LeftOut counts the last entries of an export that no checkpoint covers.
	LeftOut int64 `json:"left_out"`
	// Unsealed counts the entries whose sealed parts were not in the newer log.
	Unsealed int64 `json:"unsealed"`
	Events   int64 `json:"events"`
	Records  int64 `json:"records"`
	// Erasures counts the erase entries that the backup does not know of, and Erased
	// the records of the backup that were left out because they were erased.
	Erasures int64 `json:"erasures"`
	Erased   int64 `json:"erased"`
	// Resubmit are the submissions whose rows have to be sent again; rows that are
	// there all the same will be unchanged.
	Resubmit []Submission `json:"resubmit"`
}

// Run restores the backup in file, with the newer log in log, which is a copy or an
// export of the API. Everything is verified before the first row is written. It
// answers Invalid for files and keys that will not do, Conflict for a store that
// is not empty, and Unavailable for a store that does not answer.
func (r Restore) Run(ctx context.Context, file, log string) (res Restored, err error) {
	if log == "" {
		return res, fault.New(fault.Invalid, "backup.Restore",
			"A restore needs the newest copy of the log: without it, what was erased since the backup would come back.").WithCode("log-required")
	}
	if r.Progress == nil {
		r.Progress = func(string, int64, int64) {}
	}
	p := &plan{Restore: r}
	if p.backup, err = openLog(file); err != nil {
		return res, err
	}
	defer func() { _ = p.backup.f.Close() }()
	if p.newer, err = openLog(log); err != nil {
		return res, err
	}
	defer func() { _ = p.newer.f.Close() }()
	for _, step := range []func(context.Context) error{p.readBackup, p.readNewer, p.open, p.fill} {
		if err := step(ctx); err != nil {
			return res, err
		}
	}
	return p.res, nil
}

// plan is a restore under way.
type plan struct {
	Restore
	Stores

	backup, newer *logFile
	seen          *observer
	checkpoint    []byte
	// unsealed is set for a newer log that is an export; events, for one that brings
	// the events.
	unsealed, events bool
	// last is the last batch that is restored from the backup.
	last int64
	res  Restored
}

// open opens the stores, which have to be empty.
func (p *plan) open(ctx context.Context) (err error) {
	if p.Stores, err = p.Open(ctx); err != nil {
		return err
	}
	return p.Empty(ctx)
}

// readBackup reads the backup to its end, before anything in it is believed.
func (p *plan) readBackup(ctx context.Context) error {
	const op = "backup.Restore"
	p.seen = newObserver(ctx, p.Keyring.Existing())
	in, err := p.backup.read(func(b *audit.Batch) error {
		p.last = b.N
		return p.seen.backup(b)
	})
	if err != nil {
		return err
	}
	if in.copy == nil || in.copy.header.LogOnly {
		return fault.New(fault.Invalid, op, "The file to restore is a copy of the log alone. It goes behind --log, beside a whole backup.")
	}
	report, err := p.verify(ctx, in, "backup", audit.VerifyOptions{Keys: p.Keys})
	if err != nil {
		return err
	}
	if err := in.rest(checkLine); err != nil {
		return err
	}
	if !report.OK {
		return invalid(damaged(op, "The log in the backup", &report))
	}
	h := in.copy.header
	root := base64.StdEncoding.EncodeToString(h.Root)
	if report.Size != h.Size || report.Checkpoint != h.Size || report.Root != root {
		return fault.New(fault.Invalid, op, "The log in the backup is not the one that its first line names.")
	}
	p.res.Backup, p.seen.known = h, h.Size
	return in.copy.signedBy(slices.Concat(p.Keys, p.seen.vkeys))
}

// checkLine reads a record as it will be read again.
func checkLine(l *line) error {
	if l.Record == nil {
		return nil
	}
	_, err := l.Record.record()
	return err
}

// verify verifies the log of a file.
func (p *plan) verify(ctx context.Context, in *logReading, what string, opts audit.VerifyOptions) (audit.Report, error) {
	var total int64
	if in.copy != nil {
		total = in.copy.header.Size
	}
	opts.Progress = func(done, _ int64) { p.Progress("verify the "+what, done, total) }
	report, err := audit.Verify(ctx, in, opts)
	if in.err != nil { // the file itself, rather than the log
		return report, in.err
	}
	return report, err
}

// invalid makes a log that does not verify a wrong input.
func invalid(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return fault.Wrap(fault.Invalid, f.Op, f.Message, err)
	}
	return err
}

// readNewer reads the newer log and holds it against the backup.
func (p *plan) readNewer(ctx context.Context) error {
	const op = "backup.Restore"
	in, err := p.newer.read(p.seen.newer)
	if err != nil {
		return err
	}
	p.unsealed, p.events = in.export != nil, in.export == nil
	report, err := p.verify(ctx, in, "newer log", audit.VerifyOptions{Keys: p.Keys, Witnesses: p.Witnesses, Quorum: p.Quorum})
	if err != nil {
		return err
	}
	if err := in.rest(func(*line) error { return nil }); err != nil {
		return err
	}
	keys := slices.Concat(p.Keys, p.seen.vkeys)
	switch {
	case !report.OK:
		return invalid(damaged(op, "The newer log", &report))
	case p.seen.size < p.res.Backup.Size:
		return fault.New(fault.Invalid, op, fmt.Sprintf("The log given is older than the backup: it has %d entries, the backup %d.",
			p.seen.size, p.res.Backup.Size)).WithCode("log-older")
	case !bytes.Equal(p.seen.root, p.res.Backup.Root):
		return fault.New(fault.Invalid, op, "The log given is not a continuation of the one in the backup.").WithCode("log-forked")
	case !slices.ContainsFunc(p.Own, func(own string) bool { return slices.Contains(keys, own) }):
		return fault.New(fault.Invalid, op, "The keyring is not the one of this log. Put the keys back from their own backup first.").WithCode("keyring")
	case in.copy != nil:
		if err := in.copy.signedBy(keys); err != nil {
			return err
		}
	}
	return p.published(ctx, in, &report)
}

// published finds the checkpoint that the restored log ends with. It has to cover
// every entry; of an export, which is taken while the gateway goes on, the last
// entries may be left out, if none of them is an erasure.
func (p *plan) published(ctx context.Context, in *logReading, report *audit.Report) error {
	const op = "backup.Restore"
	notes, err := in.Checkpoints(ctx)
	if err != nil {
		return err
	}
	size := report.Checkpoint
	for _, n := range notes {
		if sizeOf(n) == size {
			p.checkpoint = n
		}
	}
	p.res.LeftOut = report.Size - size
	switch {
	case size < p.res.Backup.Size || p.checkpoint == nil:
		return fault.New(fault.Invalid, op, "The newer log has no published checkpoint that covers the backup.").WithCode("not-published")
	case p.res.LeftOut > 0 && (!p.unsealed || p.seen.lastErasure >= size):
		return fault.New(fault.Invalid, op, fmt.Sprintf(
			"The last %d entries of the newer log are covered by no published checkpoint.", p.res.LeftOut)).WithCode("not-published")
	}
	p.res.Size, p.res.Newer = size, size-p.res.Backup.Size
	p.res.Erasures = p.seen.erasures
	for _, s := range p.seen.since {
		if s.Index < size {
			p.res.Resubmit = append(p.res.Resubmit, s)
		}
	}
	return nil
}

// sizeOf reads the size of a checkpoint that was verified, or -1.
func sizeOf(checkpoint []byte) int64 {
	lines := strings.SplitN(string(checkpoint), "\n", 3) //nolint:mnd // origin, size and the rest
	if len(lines) < 2 {
		return -1
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return -1
	}
	return size
}
