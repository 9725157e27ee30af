package submission_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/submission"
)

const grace = time.Minute

// pair is two gateways over one store; w.serve is the first.
type pair struct {
	*world

	other *submission.Service
	later atomic.Int64 // how far their clock is ahead, in nanoseconds
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{world: newSmallWorld(t, small())}
	clock := func() time.Time { return now().Add(time.Duration(p.later.Load())) }
	p.serve = p.another(p.weak, grace, clock)
	p.other = p.another(&weakness{at: -1}, grace, clock)
	t.Cleanup(func() { p.other.Close() })
	return p
}

// entries counts what the log says of a submission.
func (w *world) entries(id string) int {
	w.t.Helper()
	found, err := w.log.Search(w.t.Context(), audit.Query{Action: audit.Collect, Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, i := range found {
		if i.Entry.Admin["submission"] == id {
			n++
		}
	}
	return n
}

// TestTwoGatewaysOneJob lets a gateway stand still while it stores. Another leaves the
// job alone at first, says how far it is, and takes it up when nothing was heard of it
// for the grace. When the first comes back it stops: it stores, counts and logs nothing
// twice, and leaves nothing behind.
func TestTwoGatewaysOneJob(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	reached, goOn := p.holdInsert()
	res, err := p.upload(file(t, many, planted()), asCSV)
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	if _, err := p.other.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.other.WaitJobs()
	got, err := p.other.Get(t.Context(), housing(), res.ID)
	if err != nil || got.State != submission.Processing || got.Progress.RowsTotal != many || p.records() != 0 {
		t.Errorf("the other gateway did not leave the job alone: %+v, %v, %d records", got, err, p.records())
	}
	p.later.Store(int64(grace + time.Second))
	if _, err := p.other.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.other.WaitJobs()
	got, err = p.other.Get(t.Context(), housing(), res.ID)
	if err != nil || got.State != submission.Complete || got.Accepted != many-3 || got.Rejected != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	checkStopped(t, p, got, goOn)
}

func checkStopped(t *testing.T, p *pair, got *submission.Result, goOn chan struct{}) {
	t.Helper()
	withdrawn, err := p.other.Withdraw(t.Context(), submission.Withdrawal{
		Principal: housing(), RequestID: "01a20202-f6b6-76df-9487-b2a7582ee4ff", Reason: "x", Dataset: "housing.tenancy", Sources: []string{"T-60"},
	})
	if err != nil || withdrawn.Withdrawn != 1 {
		t.Fatalf("%+v, %v", withdrawn, err)
	}
	close(goOn)
	if again := p.ended(got.ID); again.Accepted != got.Accepted || again.Received != got.Received || *again.AuditIndex != *got.AuditIndex {
		t.Errorf("%+v, was %+v", again, got)
	}
	if n := p.records(); n != many-4 {
		t.Errorf("%d records: the first gateway went on", n)
	}
	if n := p.entries(got.ID); n != 1 {
		t.Errorf("logged %d times", n)
	}
	if n := p.left("journal", got.ID) + p.left("upload", got.ID); n != 0 {
		t.Errorf("%d pieces are left", n)
	}
	checkPlanted(t, p.world, got)
}

// TestCancelThroughAnother stops a job that another gateway works on.
func TestCancelThroughAnother(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	reached, goOn := p.holdInsert()
	res, err := p.upload(file(t, many, nil), asCSV)
	if err != nil {
		t.Fatal(err)
	}
	<-reached
	if got, err := p.other.Cancel(t.Context(), housing(), res.ID); err != nil || got.Ended() {
		t.Errorf("%+v, %v", got, err)
	}
	close(goOn)
	got := p.ended(res.ID)
	p.other.WaitJobs()
	if got.State != submission.Cancelled || int64(got.Accepted) != p.records() || got.Received >= many || p.entries(res.ID) != 1 {
		t.Errorf("%+v with %d records, %d entries", got, p.records(), p.entries(res.ID))
	}
}

// TestPartsAtTheSameTime lets requests to two gateways add to one upload at the same
// place: one wins, and the body is what it sent.
func TestPartsAtTheSameTime(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	body := file(t, 30, nil)
	res, err := p.begin(body[:100])
	if err != nil {
		t.Fatal(err)
	}
	for at := 100; at < len(body); {
		next := min(at+1500, len(body))
		var won atomic.Int64
		var group sync.WaitGroup
		for _, s := range []*submission.Service{p.serve, p.other, p.serve} {
			group.Go(func() {
				_, err := s.Append(t.Context(), submission.Part{
					Principal: housing(), ID: res.ID, Offset: int64(at), Body: bytes.NewReader([]byte(body[at:next])),
				})
				switch {
				case err == nil:
					won.Add(1)
				case fault.CodeOf(err) != "upload-offset":
					t.Errorf("at %d: %v", at, err)
				}
			})
		}
		group.Wait()
		if won.Load() != 1 || p.offset(res.ID) != int64(next) {
			t.Fatalf("at %d: %d won, and %d bytes are there", at, won.Load(), p.offset(res.ID))
		}
		at = next
	}
	completeTwice(t, p, res.ID, int64(len(body)))
}

// completeTwice completes an upload by two requests at once.
func completeTwice(t *testing.T, p *pair, id string, size int64) {
	t.Helper()
	var group sync.WaitGroup
	for _, s := range []*submission.Service{p.serve, p.other} {
		group.Go(func() {
			got, err := s.Append(t.Context(), submission.Part{Principal: housing(), ID: id, Offset: size, Last: true, Body: strings.NewReader("")})
			if err != nil || got.ID != id {
				t.Errorf("completed: %+v, %v", got, err)
			}
		})
	}
	group.Wait()
	p.other.WaitJobs()
	if got := p.ended(id); got.State != submission.Complete || got.Accepted != 30 || p.records() != 30 || p.entries(id) != 1 {
		t.Errorf("%+v with %d records, %d entries", got, p.records(), p.entries(id))
	}
}

// TestSameKeyAtTheSameTime sends one submission with one key several times at once: it
// is stored as one, whoever is answered.
func TestSameKeyAtTheSameTime(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	var group sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for i := range 4 {
		s := []*submission.Service{p.serve, p.other}[i%2]
		group.Go(func() {
			res, err := s.Submit(t.Context(), submission.Upload{
				Principal: housing(), RequestID: fmt.Sprintf("01a20202-f6b6-76df-9487-b2a7582ee4f%d", i), Dataset: "housing.tenancy",
				Agreement: "ISA-TH-WMP-001", Format: "text/csv", Key: "night", Body: strings.NewReader(file(t, 20, nil)),
			})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				ids[res.ID] = true
			} else if fault.CodeOf(err) != "idempotency-in-progress" {
				t.Errorf("%v", err)
			}
		})
	}
	group.Wait()
	if len(ids) != 1 || len(p.collected()) != 1 {
		t.Errorf("answered %v, logged %v", ids, p.collected())
	}
}
