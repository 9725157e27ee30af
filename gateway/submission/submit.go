package submission

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
)

const eventKind = "submission"

// Submit takes one submission to its end. It answers a fault of kind NotFound
// for a dataset that the caller may not know of, Forbidden for an agreement
// that does not permit the submission, Invalid or TooLarge for a body that
// cannot be read, and Unavailable when store, keys or log cannot answer;
// whatever was stored by then is reported as unchanged when the same rows are
// sent again.
func (s *Service) Submit(ctx context.Context, up Upload) (*Result, error) {
	const op = "submission.Submit"
	now := s.Clock().UTC().Truncate(time.Microsecond)
	ds, terms, err := s.terms(ctx, up, now)
	if err != nil {
		return nil, err
	}
	leave, err := s.enter(ctx, up.Principal.Agency)
	if err != nil {
		return nil, err
	}
	defer leave()
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, op, "No submission id could be made.", err)
	}
	p, err := s.newPreparer(ctx, up, ds, terms, id.String(), now)
	if err != nil {
		return nil, err
	}
	w := &work{Service: s, up: up, p: p, opened: opened{
		Agency: up.Principal.Agency, Subject: up.Principal.Subject, Dataset: ds.Name,
		Agreement: terms.Agreement, RequestID: up.RequestID, Time: now,
	}, result: Result{ID: id.String(), State: Processing, Errors: []RowError{}}}
	// All rows are read and checked before the first is stored: a body that
	// breaks off stores nothing.
	valid, err := w.read()
	if err != nil {
		return nil, err
	}
	if up.DryRun {
		w.result.State = DryRun
		w.result.Accepted = w.result.Received - w.result.Rejected
		return &w.result, nil
	}
	return w.store(ctx, valid)
}

// terms finds dataset and agreement, or refuses in the same way for a dataset
// that is not there and for one that the caller's agency may not know of.
func (s *Service) terms(ctx context.Context, up Upload, now time.Time) (*dataset.Dataset, *agreement.Terms, error) {
	rules := s.Rules.In(ctx)
	ds, ok := rules.Datasets.Get(up.Dataset)
	if !ok || !rules.Agreements.Visible(up.Principal.Agency, up.Dataset) {
		return nil, nil, fault.New(fault.NotFound, "submission.Submit", "There is no such dataset.")
	}
	terms, err := rules.Agreements.Submission(up.Agreement, up.Principal.Agency, up.Dataset, now)
	if err != nil {
		return nil, nil, err
	}
	return ds, terms, nil
}

// opened is the first event of a submission.
type opened struct {
	Agency    string    `json:"agency"`
	Subject   string    `json:"subject"`
	Dataset   string    `json:"dataset"`
	Agreement string    `json:"agreement"`
	RequestID string    `json:"request_id"`
	Time      time.Time `json:"time"`
}

// finished is the second event of a submission.
type finished struct {
	Agency string `json:"agency"`
	Result Result `json:"result"`
}

// work is one submission under way, owned by one goroutine.
type work struct {
	*Service

	up     Upload
	p      *preparer
	opened opened
	result Result
	// digests are those of all valid rows, in the order of arrival.
	digests []record.Ref
}

// read decodes and checks every row.
func (w *work) read() ([]*prepared, error) {
	src, err := newRows(w.up.Format, w.up.Body)
	if err != nil {
		return nil, err
	}
	var valid []*prepared
	seen := map[record.Ref]*prepared{} // the first row of each source id
	for {
		raw, err := src.next()
		if errors.Is(err, io.EOF) {
			return valid, nil
		}
		if err != nil && !errors.Is(err, errRowTooLarge) {
			return nil, err
		}
		w.result.Received++
		if w.result.Received > MaxRows {
			return nil, fault.New(fault.TooLarge, "submission.Submit",
				"A submission has at most "+strconv.Itoa(MaxRows)+" rows. Send the rest in another.").WithCode("too-many-rows")
		}
		if err != nil {
			w.reject([]RowError{{
				Row: w.result.Received, Code: "row-too-large",
				Message: "The row is larger than 64 KiB.", Remedy: "Shorten the row.",
			}})
			continue
		}
		row, errs := w.p.prepare(w.result.Received, raw)
		if len(errs) > 0 {
			w.reject(errs)
			continue
		}
		first, again := seen[row.record.Source]
		if again && first.record.Digest == row.record.Digest {
			w.result.Unchanged++
			continue
		}
		if again {
			w.reject([]RowError{{
				Row: row.row, Pointer: w.p.ds.SourceID, Code: "duplicate-source-id",
				Message: "Row " + strconv.Itoa(first.row) + " of this submission has the same source id and other content.",
				Remedy:  "Send each record once; send a correction in a submission of its own.",
			}})
			continue
		}
		seen[row.record.Source] = row
		valid = append(valid, row)
		w.digests = append(w.digests, row.record.Digest)
	}
}

func (w *work) reject(errs []RowError) {
	w.result.Rejected++
	w.result.Errors = append(w.result.Errors, errs...)
}

// storeTimeout bounds storing and logging once a submission is open.
const storeTimeout = 2 * time.Minute

// store opens the submission, stores the valid rows, logs and closes it. From
// the opening on it no longer matters whether the submitter is still there:
// what is begun is brought to its end, and one that fails on the way is logged
// and closed as interrupted at once, as far as store and log answer.
func (w *work) store(ctx context.Context, valid []*prepared) (*Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := w.insertEvent(ctx, 0, w.opened); err != nil {
		return nil, err
	}
	w.result.State = Complete
	if w.up.Atomic && w.result.Rejected > 0 {
		w.result.State = Rejected
		valid, w.digests = nil, nil
	}
	if err := w.putAll(ctx, valid); err != nil {
		return nil, errors.Join(err, w.closeInterrupted(ctx, w.result.ID, w.opened))
	}
	receipt, err := w.Log.Append(ctx, w.entry())
	if err != nil {
		return nil, err
	}
	w.result.AuditIndex = &receipt.First
	w.result.Receipt = &Receipt{SubmissionID: w.result.ID, Digest: receiptDigest(w.p.digest, w.digests), Audit: receipt}
	err = w.insertEvent(ctx, 1, finished{Agency: w.opened.Agency, Result: w.result})
	if err != nil && !fault.Is(err, fault.Conflict) { // taken: a gateway that started meanwhile closed it
		return nil, err
	}
	return &w.result, nil
}

// putAll stores the rows in chunks; those of an atomic submission in one.
func (w *work) putAll(ctx context.Context, valid []*prepared) error {
	chunk := chunkRows
	if w.up.Atomic {
		chunk = max(len(valid), 1)
	}
	for len(valid) > 0 {
		n := min(chunk, len(valid))
		if err := w.put(ctx, valid[:n]); err != nil {
			return err
		}
		valid = valid[n:]
	}
	return nil
}

func (w *work) insertEvent(ctx context.Context, n int64, body any) error {
	return w.event(ctx, eventKind, w.result.ID, n, body)
}

// entry is what the log says of a submission: counts, and nothing of any row.
func (w *work) entry() audit.Request {
	r := collectEntry(w.opened, w.result.ID, w.result.State)
	r.Actor = actorOf(w.up.Principal)
	for name, n := range map[string]int{
		"received": w.result.Received, "accepted": w.result.Accepted, "unchanged": w.result.Unchanged,
		"corrected": w.result.Corrected, "rejected": w.result.Rejected,
	} {
		r.Drafts[0].Admin[name] = strconv.Itoa(n)
	}
	r.Drafts[0].Private = audit.Private{Client: w.up.Client}
	if w.result.Corrected > 0 {
		alter := r.Drafts[0]
		alter.Action = audit.Alter
		r.Drafts = append(r.Drafts, alter)
	}
	return r
}

// collectEntry is the part of the entry that is known from the opening alone.
func collectEntry(o opened, id, state string) audit.Request {
	return audit.Request{
		ID: o.RequestID, Time: o.Time,
		Actor: audit.Actor{Agency: o.Agency, Roles: []string{}, Subject: o.Subject},
		Drafts: []audit.Draft{{
			Action: audit.Collect, Provider: o.Agency,
			Admin: map[string]string{"submission": id, "state": state, "dataset": o.Dataset, "agreement": o.Agreement},
		}},
	}
}

func actorOf(p identity.Principal) audit.Actor {
	roles := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		roles[i] = string(r)
	}
	return audit.Actor{Agency: p.Agency, Roles: roles, Subject: p.Subject}
}

// monthHasher returns the digest key of a stored version. A key that was
// destroyed answers nil: the content can no longer be compared.
func (w *work) monthHasher(ctx context.Context, st record.Stamp) (keyring.Hasher, error) {
	h, err := w.Keys.Hasher(ctx, keyring.RecordScope(st.Agreement, st.KeyMonth))
	if fault.Is(err, fault.NotFound) {
		return nil, nil //nolint:nilnil // a destroyed key is an answer, not an error
	}
	return h, err
}
