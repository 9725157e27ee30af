package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// longFile is more rows than are stored while their sender waits, as NDJSON.
func longFile(t *testing.T, n int) string {
	t.Helper()
	var b strings.Builder
	for i := range n {
		raw, err := json.Marshal(tenancy(nobody(), fmt.Sprintf("L-%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		b.Write(raw)
		b.WriteByte('\n')
	}
	return b.String()
}

// longRows is how many rows the long file has.
const longRows = 10_500

// progressing is a submission with its progress.
type progressing struct {
	submission

	Progress *struct {
		Rows, RowsTotal int
		Paused          string
	}
}

func (h *house) long(body string) string {
	h.t.Helper()
	var got progressing
	h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", housingISA), body, "Content-Type", "application/x-ndjson").
		want(http.StatusAccepted, &got)
	return got.SubmissionID
}

func (h *house) progress(id string) (got progressing) {
	h.t.Helper()
	h.call("housing-submitter", http.MethodGet, "/v1/submissions/"+id, nil).want(http.StatusOK, &got)
	return got
}

// until waits until a submission has a state.
func (h *house) until(id, state string) progressing {
	h.t.Helper()
	eventually(h.t, "the submission is "+state, func() bool { return h.progress(id).State == state })
	return h.progress(id)
}

// paused holds what the sender and the operator are told while a job waits.
func (h *house) paused(id string) {
	h.t.Helper()
	if got := h.until(id, "paused"); got.Progress.Paused == "" {
		h.t.Errorf("no reason: %+v", got)
	}
	log := h.logs.String()
	if !strings.Contains(log, "a submission is paused") || !strings.Contains(log, id) {
		h.t.Error("the operator is not told")
	}
	for _, personal := range []string{"L-1", nobody()["given_name"], nobody()["family_name"]} {
		if personal != "" && strings.Contains(log, personal) {
			h.t.Errorf("the operator's log says %q", personal)
		}
	}
}

// TestInvariant07DiskFull fills the disk in the middle of a job: it pauses and says
// so, and goes on by itself when there is room. It does not run beside other tests.
func TestInvariant07DiskFull(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var inserts atomic.Int64
	var lift func()
	h := newHouse(t)
	h.options = func(o *gateway.Options) {
		o.Store = func(store gateway.Store) gateway.Store {
			return storetest.Intercept(store, func(w storetest.Write, do func() error) error {
				if w.Op == storetest.InsertRecords && inserts.Add(1) == 3 {
					lift = limitFiles(t, 0)
				}
				return do()
			})
		}
	}
	h.restart()
	id := h.long(longFile(t, longRows))
	h.paused(id)
	lift()
	got := h.until(id, "complete")
	if got.Received != longRows || got.Accepted != longRows || h.stored().records != longRows || got.AuditIndex == nil {
		t.Errorf("%+v", got)
	}
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r)
	}
}

// TestInvariant07RestartOfAll stops the gateway while one job waits for its store and
// an upload is half there, and starts it again: the job ends with each row once, the
// upload goes on where it was.
func TestInvariant07RestartOfAll(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	var inserts atomic.Int64
	h := newHouse(t)
	h.options = func(o *gateway.Options) {
		o.Store = func(store gateway.Store) gateway.Store {
			return storetest.Intercept(store, func(w storetest.Write, do func() error) error {
				if w.Op == storetest.InsertRecords && inserts.Add(1) == 3 {
					down.Store(true)
				}
				if down.Load() {
					return storetest.Failed.Do(do)
				}
				return do()
			})
		}
	}
	h.restart()
	part, half := longFile(t, 20), len(longFile(t, 8))
	var up progressing
	h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", housingISA), part[:half],
		"Content-Type", "application/x-ndjson", "Upload-Complete", "?0").want(http.StatusCreated, &up)
	id := h.long(longFile(t, longRows))
	h.paused(id)
	down.Store(false)
	h.restart()
	got := h.until(id, "complete")
	if got.Received != longRows || got.Accepted != longRows || h.stored().records != longRows {
		t.Errorf("%+v", got)
	}
	var done progressing
	h.call("housing-submitter", http.MethodPatch, "/v1/submissions/"+up.SubmissionID, part[half:],
		"Content-Type", "application/partial-upload", "Upload-Complete", "?1", "Upload-Offset", strconv.Itoa(half)).want(http.StatusCreated, &done)
	if done.Received != 20 || done.State != "complete" || done.Unchanged+done.Rejected != 20 {
		t.Errorf("%+v", done)
	}
}
