//go:build unix

package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/fleet"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// sharedDir is set in the environment of a child process that appends to a log
// which others append to as well, sharedName is its name.
const (
	sharedDir  = "CONCORD_AUDIT_SHARED_DIR"
	sharedName = sharedDir + "_NAME"
)

// sharedChild, in such a child, appends until it is told to stop, and closes the
// log. It prints what was acknowledged, one line of JSON each.
func sharedChild() {
	dir := os.Getenv(sharedDir)
	if dir == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := appendTogether(ctx, dir, os.Getenv(sharedName))
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, os.Getenv(sharedName), err)
		os.Exit(1)
	}
	os.Exit(0)
}

func appendTogether(ctx context.Context, dir, name string) (err error) {
	keys, err := local.Open(dir + "/keys")
	if err != nil {
		return err
	}
	db, err := sqlite.Open(context.Background(), dir+"/data", sqlite.Options{})
	if err != nil {
		return err
	}
	h := &house{dir: dir, keys: keys, db: db}
	cfg := h.config()
	cfg.CheckpointEvery = 200 * time.Millisecond
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil)).With("gateway", name)
	l, err := audit.Open(context.Background(), cfg)
	if err != nil {
		return err
	}
	const writers, every = 4, 20 * time.Millisecond
	var errs [writers]error
	var done sync.WaitGroup
	for w := range writers {
		done.Go(func() {
			tick := time.NewTicker(every)
			defer tick.Stop()
			for n := 0; errs[w] == nil; n++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					errs[w] = appendOne(l, fmt.Sprintf("%s-writer-%d-%d", name, w, n), n)
				}
			}
		})
	}
	done.Wait()
	return errors.Join(append(errs[:], l.Close(context.Background()), db.Close(), keys.Close())...)
}

// appendOne appends one request and prints its receipt. A store that is busy is
// no error: the request is then lost, and was not acknowledged. A log that will
// not go on is one.
func appendOne(l *audit.Log, id string, n int) error {
	r := request(n, "telford-housing", "mercia-health")
	r.ID = id
	receipt, err := l.Append(context.Background(), r)
	if fault.Is(err, fault.Unavailable) && !strings.Contains(err.Error(), "refuses to go on") {
		return nil
	}
	if err != nil {
		return err
	}
	line, err := json.Marshal(acknowledged{id, receipt})
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(line, '\n'))
	return err
}

// acknowledged is a request of which a gateway said that it is logged.
type acknowledged struct {
	ID      string
	Receipt audit.Receipt
}

// heard collects what one process in one of its lives acknowledged.
type heard struct {
	mu    sync.Mutex // covers text
	text  bytes.Buffer
	lines atomic.Int64
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines.Add(int64(bytes.Count(p, []byte("\n"))))
	return h.text.Write(p)
}

// all returns the whole lines; one that was cut off says nothing.
func (h *heard) all(t *testing.T) []acknowledged {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []acknowledged
	for line := range strings.Lines(h.text.String()) {
		if !strings.HasSuffix(line, "\n") {
			break
		}
		var a acknowledged
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, a)
	}
	return all
}

// TestInvariant01Gateways has three gateways append to one log while they are
// killed, and stopped and woken, at random. There is one dense log then, which
// verifies; whatever was acknowledged is in it, once, where its receipt says; and
// each of the three can still append.
func TestInvariant01Gateways(t *testing.T) {
	const gateways, suffering = 3, 5 * time.Second
	h := newHouse(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	var lives [gateways][]*heard
	f := fleet.Start(t, fleet.Options{
		Size: gateways, Seed: seed,
		Pause:  fleet.Range{Min: 50 * time.Millisecond, Max: 400 * time.Millisecond},
		Frozen: fleet.Range{Min: 50 * time.Millisecond, Max: 1500 * time.Millisecond},
		Command: func(i int) *exec.Cmd {
			out := new(heard)
			lives[i] = append(lives[i], out)
			cmd := exec.Command(self, "-test.run=^$")
			cmd.Env = append(os.Environ(), sharedDir+"="+h.dir, sharedName+"="+strconv.Itoa(i)+"-life-"+strconv.Itoa(len(lives[i])))
			cmd.Stdout, cmd.Stderr = out, os.Stderr
			return cmd
		},
	})
	ctx, cancel := context.WithTimeout(t.Context(), suffering)
	defer cancel()
	count := f.Harm(ctx)
	for i := range lives {
		waitForMore(t, lives[i][len(lives[i])-1])
	}
	if err := f.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	var all []acknowledged
	for _, member := range lives {
		for _, life := range member {
			all = append(all, life.all(t)...)
		}
	}
	report := h.verify(nil)
	wantOK(t, report)
	if report.Checkpoint != report.Size {
		t.Errorf("the checkpoint has %d of %d entries", report.Checkpoint, report.Size)
	}
	wantInLog(t, h, all)
	const outcome = "verified; no answer lost or doubled, all go on"
	storetest.Tally(t, "kill one of three appenders", "sqlite", count.Kills, outcome)
	storetest.Tally(t, "stop one of three appenders, wake it later", "sqlite", count.Stops, outcome)
	t.Logf("%d acknowledged, %d entries in %d batches", len(all), report.Entries, report.Batches)
}

// waitForMore waits until a process that has nothing to suffer any more
// acknowledges something.
func waitForMore(t *testing.T, life *heard) {
	t.Helper()
	before := life.lines.Load()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for life.lines.Load() == before {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("a gateway acknowledges nothing any more")
		}
	}
}

// wantInLog holds what was acknowledged against the log: each request is there
// once, with its entries together, at the index and with the hash of its receipt,
// in the batch and under the head that it names.
func wantInLog(t *testing.T, h *house, all []acknowledged) {
	t.Helper()
	type place struct {
		index int64
		count int
		leaf  string
		batch int64
		head  string
	}
	found := map[string]*place{}
	for b, err := range audit.StoreSource(h.db.Log()).Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for i, raw := range b.Entries {
			c, err := audit.ColumnsOf(raw)
			if err != nil {
				t.Fatal(err)
			}
			index := b.First + int64(i)
			p, there := found[c.RequestID]
			switch {
			case !there:
				found[c.RequestID] = &place{index, 1, hexOf(b.Leaves[i]), b.N, string(b.Head)}
			case strings.Contains(c.RequestID, "-life-") && (c.Action == audit.Consult || index != p.index+int64(p.count)):
				t.Errorf("%s is in the log twice", c.RequestID)
			default:
				p.count++
			}
		}
	}
	for _, a := range all {
		r := a.Receipt
		want := place{r.First, r.Count, r.EntryHash, r.Batch, r.Head}
		if p := found[a.ID]; p == nil || *p != want {
			t.Errorf("%s was acknowledged as %+v and is %+v", a.ID, want, p)
		}
	}
}
