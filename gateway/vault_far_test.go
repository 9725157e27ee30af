package gateway_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	// farAway is how long a call to a Vault far away takes, there and back.
	farAway = 100 * time.Millisecond
	// farCheckpoints is how often a checkpoint is signed meanwhile.
	farCheckpoints = 200 * time.Millisecond
	// farBound is how much longer half of the requests may take when Vault is far away.
	farBound = 1.05
	// farFelt is how much longer leaves no doubt, and needs no more rounds.
	farFelt = 5
)

// comparison is what was found of a Vault near and far.
type comparison struct {
	// near and far are half the requests' times, and slowest the 99th hundredth of a
	// block far away: of the blocks, the one in the middle.
	near, far, slowest time.Duration
	// ratio is far over near of two blocks that follow each other, in the middle.
	ratio float64
	// asked is how often Vault was asked for anything but a signature of the log, signed
	// for one, and allowed how often a checkpoint was due.
	asked, signed, allowed int
}

// compare asks in blocks, near and far in turn, each first every other time. What
// slows the machine down for longer than two blocks slows both of a pair, and what
// hits one of them moves one ratio, not the one in the middle.
func (d *distant) compare(tb testing.TB, rounds, requests int) (c comparison) {
	tb.Helper()
	began, before := time.Now(), len(d.proxy.Calls())
	var half [2][]time.Duration
	var slowest []time.Duration
	var ratios []float64
	for i := range rounds {
		var p50 [2]time.Duration
		for way := range p50 {
			way = (way + i) % len(p50)
			took := d.block(tb, requests, time.Duration(way)*farAway)
			p50[way] = took[len(took)/2]
			half[way] = append(half[way], p50[way])
			if way == 1 {
				slowest = append(slowest, took[len(took)*99/100])
			}
		}
		ratios = append(ratios, float64(p50[1])/float64(p50[0]))
		if ratios[i] > farFelt {
			break
		}
	}
	for _, call := range d.proxy.Calls()[before:] {
		if strings.Contains(call, "/"+d.vault.Transit+"/sign/") {
			c.signed++
		} else {
			c.asked++
		}
	}
	c.allowed = int(time.Since(began)/farCheckpoints) + 2 // one at each end
	c.near, c.far, c.slowest, c.ratio = middle(half[0]), middle(half[1]), middle(slowest), middle(ratios)
	return c
}

func middle[T time.Duration | float64](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

// asksPerRequest reports whether Vault was asked more than checkpoints explain.
func (c comparison) asksPerRequest() bool { return c.asked > 0 || c.signed > c.allowed }

// BenchmarkProfileFarVault asks for a person's profile at a gateway whose keys are in
// a real Vault, with that near and 100 ms away in turn: half of the requests take as
// long far away as near, within 5%. During them Vault is asked for nothing but the
// signatures of checkpoints, which go on being published; and when every key is
// fetched again, no request waits for it.
func BenchmarkProfileFarVault(b *testing.B) {
	rounds, requests, bound := 41, 64, farBound
	if testing.Short() {
		rounds, requests, bound = 3, 16, 2 // no figures to rely on, and yet no call
	}
	d := newDistant(b, nil)
	for b.Loop() { // the rounds are the measure: one pass takes longer than -benchtime asks for
		c := d.compare(b, rounds, requests)
		if c.ratio > bound && !c.asksPerRequest() { // by chance, or not: the one in the middle of three says
			again := []float64{c.ratio, d.compare(b, rounds, requests).ratio, d.compare(b, rounds, requests).ratio}
			c.ratio = middle(again)
		}
		d.wantPublished(b)
		renewing := d.renew(b)
		b.ReportMetric(float64(c.near.Microseconds()), "near-p50-us")
		b.ReportMetric(float64(c.far.Microseconds()), "far-p50-us")
		b.ReportMetric(float64(c.slowest.Microseconds()), "far-p99-us")
		b.ReportMetric(float64(renewing.Microseconds()), "renewing-p50-us")
		b.ReportMetric(c.ratio, "ratio")
		b.ReportMetric(float64(c.asked), "key-calls")
		b.ReportMetric(float64(c.signed), "signatures")
		if c.ratio > bound {
			b.Errorf("half of the requests take %.3f times as long with Vault %s away; the bound is %.2f", c.ratio, farAway, bound)
		}
		if c.asksPerRequest() {
			b.Errorf("Vault was asked %d times for keys and %d times for signatures, where %d checkpoints were due", c.asked, c.signed, c.allowed)
		}
		if renewing >= farAway {
			b.Errorf("half of the requests take %s while keys are fetched again", renewing)
		}
	}
}

// TestFarVaultIsFelt plants calls of Vault in each request: what the benchmark looks at
// finds them, by the time and by the count.
func TestFarVaultIsFelt(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"a key": "/decrypt/edition", "a signature": "/sign/sign.log"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDistant(t, func(d *distant) {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.proxy.URL+"/v1/"+d.vault.Transit+path, http.NoBody)
				if err != nil {
					return
				}
				if res, err := http.DefaultClient.Do(req); err == nil { // it asks; what the answer is does not matter
					_ = res.Body.Close()
				}
			})
			c := d.compare(t, 1, 16)
			if c.ratio <= farBound || !c.asksPerRequest() {
				t.Errorf("%+v", c)
			}
		})
	}
}
