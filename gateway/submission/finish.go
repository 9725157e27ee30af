package submission

import (
	"context"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/quality"
)

// finish logs and closes a submission.
func (w *work) finish(ctx context.Context, state string) (*Result, error) {
	if w.job { // it may have been cancelled meanwhile, or closed
		now, err := w.readStream(ctx, "submission.finish", w.st.id)
		if err != nil || now.result != nil {
			return now.closed(), err
		}
		w.st.next = now.next
	}
	res := w.result(state)
	digest := receiptDigest(w.p.digest, w.digest)
	logged, err := w.logOnce(ctx, state, digest)
	if err != nil {
		return nil, err
	}
	res.AuditIndex = &logged.First
	if logged.Head != "" {
		res.Receipt = &Receipt{SubmissionID: w.st.id, Digest: digest, Audit: logged}
	}
	w.quality.AddUnchanged(res.Unchanged - w.quality.Duplicates)
	if err := quality.Save(ctx, w.Events, &quality.Summary{
		Provider: w.st.Agency, Dataset: w.st.Dataset, Agreement: w.st.Agreement, Submission: w.st.id, Received: w.st.Time, Tally: *w.quality,
	}); err != nil {
		return nil, err
	}
	return w.end(ctx, res)
}

// end closes a submission. A cancellation that comes at that moment comes too late,
// and what a gateway has closed that started meanwhile is closed.
func (w *work) end(ctx context.Context, res Result) (*Result, error) {
	for {
		err := w.append(ctx, w.st, finished{Type: typeFinished, Agency: w.st.Agency, Result: res})
		if err == nil {
			return &res, nil
		}
		if !fault.Is(err, fault.Conflict) {
			return nil, err
		}
		now, err := w.readStream(ctx, "submission.finish", w.st.id)
		if err != nil || now.result != nil {
			return now.closed(), err
		}
		w.st.next = now.next
	}
}

// logOnce appends the entry of the submission. Of a job that was interrupted between
// its entry and its end the entry is there already; its receipt is then only the
// place in the log, and what proves it is the proof of that entry.
func (w *work) logOnce(ctx context.Context, state, digest string) (audit.Receipt, error) {
	if w.job {
		logged, err := w.logged(ctx, w.st)
		if err != nil {
			return audit.Receipt{}, err
		}
		if logged != nil {
			return audit.Receipt{First: *logged, Count: 1}, nil
		}
	}
	return w.Log.Append(ctx, w.entry(state, digest))
}

// logged returns the index of the entry of a submission, or nil.
func (s *Service) logged(ctx context.Context, st *stream) (*int64, error) {
	found, err := s.Log.Search(ctx, audit.Query{RequestID: st.RequestID, Action: audit.Collect, Limit: entriesAtMost})
	if err != nil {
		return nil, err
	}
	for i := range found {
		if found[i].Entry.Admin["submission"] == st.id {
			return &found[i].Index, nil
		}
	}
	return nil, nil //nolint:nilnil // none is an answer
}

// closeLost closes a job of which nothing can be counted any more: its keys are
// destroyed, and so are its rows, or dataset or agreement are gone.
func (s *Service) closeLost(ctx context.Context, st *stream, why error) error {
	s.Logger.Error("a submission cannot go on", "submission", st.id, "error", why)
	logged, err := s.logged(ctx, st)
	if err == nil && logged == nil {
		err = s.closeInterrupted(ctx, st, fileError(why))
	} else if err == nil {
		res := Result{ID: st.id, State: Interrupted, Errors: []RowError{fileError(why)}, AuditIndex: logged}
		err = s.append(ctx, st, finished{Type: typeFinished, Agency: st.Agency, Result: res})
	}
	if err != nil {
		return err
	}
	return s.clear(ctx, st.id)
}

// entry is what the log says of a submission: counts, and nothing of any row.
func (w *work) entry(state, digest string) audit.Request {
	r := collectEntry(&w.st.opened, w.st.id, state)
	r.Time = w.Clock().UTC()
	r.Actor = actorOf(w.st.principal())
	admin := r.Drafts[0].Admin
	for name, n := range map[string]int{
		"received": w.counts.Received, "accepted": w.counts.Accepted, "unchanged": w.counts.Unchanged,
		"corrected": w.counts.Corrected, "rejected": w.counts.Rejected, "dropped": dropped(w.quality),
	} {
		admin[name] = strconv.Itoa(n)
	}
	admin["digest"] = digest
	r.Drafts[0].Private = audit.Private{Client: w.client}
	if w.counts.Corrected > 0 {
		alter := r.Drafts[0]
		alter.Action = audit.Alter
		r.Drafts = append(r.Drafts, alter)
	}
	return r
}

// dropped counts the values that were sent and not kept.
func dropped(t *quality.Tally) int {
	n := 0
	for _, values := range t.Dropped {
		n += values
	}
	return n
}

// collectEntry is the part of the entry that is known from the opening alone.
func collectEntry(o *opened, id, state string) audit.Request {
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
	return audit.Actor{Agency: p.Agency, Roles: roleNames(p), Subject: p.Subject}
}

// closeInterrupted logs that a submission was cut off, and closes it.
func (s *Service) closeInterrupted(ctx context.Context, st *stream, errs ...RowError) error {
	r := collectEntry(&st.opened, st.id, Interrupted)
	r.Time = s.Clock().UTC()
	receipt, err := s.Log.Append(ctx, r)
	if err != nil {
		return err
	}
	res := Result{ID: st.id, State: Interrupted, Errors: append([]RowError{}, errs...), AuditIndex: &receipt.First}
	res.Receipt = &Receipt{SubmissionID: st.id, Audit: receipt}
	err = s.append(ctx, st, finished{Type: typeFinished, Agency: st.Agency, Result: res})
	if fault.Is(err, fault.Conflict) {
		return nil // another gateway closed it
	}
	return err
}

// closeUnlogged closes a submission of which nothing was stored: an upload that was
// given up, or whose body cannot be read.
func (s *Service) closeUnlogged(ctx context.Context, st *stream, state string, errs ...RowError) (*Result, error) {
	res := Result{ID: st.id, State: state, Errors: append([]RowError{}, errs...)}
	err := s.append(ctx, st, finished{Type: typeFinished, Agency: st.Agency, Result: res})
	return &res, err
}

// closed is the result of a submission that may have ended.
func (st *stream) closed() *Result {
	if st == nil {
		return nil
	}
	return st.result
}

// now is the time as it is stored.
func (s *Service) now() time.Time { return s.Clock().UTC().Truncate(time.Microsecond) }
