package gateway_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// publicURL is where callers reach the gateways, for proofs.
const publicURL = "https://concord.example"

func withPublicURL(c *config.Config) { c.PublicURL = publicURL }

// holder is a caller whose token is bound to a key of its own (RFC 9449).
type holder struct {
	h     *house
	key   ed25519.PrivateKey
	x     string // the public key
	token string
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func newHolder(h *house) *holder {
	h.t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	c := &holder{h: h, key: key, x: b64(public)}
	jkt := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + c.x + `"}`))
	p, _ := devissuer.FindPersona("analyst")
	p.Key = b64(jkt[:])
	if c.token, err = h.issuer.Mint(p.Claims, time.Hour); err != nil {
		h.t.Fatal(err)
	}
	return c
}

// proof makes a proof for the list of datasets, by a clock that is ahead.
func (c *holder) proof(ahead time.Duration) string {
	ath := sha256.Sum256([]byte(c.token))
	signed := b64([]byte(marshal(c.h.t, map[string]any{
		"typ": "dpop+jwt", "alg": "EdDSA", "jwk": map[string]string{"kty": "OKP", "crv": "Ed25519", "x": c.x},
	}))) + "." + b64([]byte(marshal(c.h.t, map[string]any{
		"jti": rand.Text(), "htm": http.MethodGet, "htu": publicURL + "/v1/datasets",
		"iat": c.h.clock.Now().Add(ahead).Unix(), "ath": b64(ath[:]),
	})))
	return signed + "." + b64(ed25519.Sign(c.key, []byte(signed)))
}

// use shows a proof to a gateway, and returns the status. It may be called by several
// goroutines at once.
func (c *holder) use(at *house, proof string) int {
	req, err := http.NewRequestWithContext(at.t.Context(), http.MethodGet, at.srv.URL+"/v1/datasets", http.NoBody)
	if err != nil {
		at.t.Error(err)
		return 0
	}
	req.Header.Set("Authorization", "DPoP "+c.token)
	req.Header.Set("DPoP", proof)
	res, err := at.http.Do(req)
	if err != nil {
		at.t.Error(err)
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

func (c *holder) want(at *house, what, proof string, status int) {
	at.t.Helper()
	if got := c.use(at, proof); got != status {
		at.t.Errorf("%s: status %d, want %d", what, got, status)
	}
	if !at.t.Failed() && status == http.StatusUnauthorized {
		attacktest.Proofs.Refused(at.t, what, 1)
	}
}

// TestProofAtTwoGateways: what one gateway took, the other does not, nor either once it
// was started again; and of all that come at once, one is let in.
func TestProofAtTwoGateways(t *testing.T) {
	t.Parallel()
	one, other, _ := twoHouses(t, withPublicURL)
	c := newHolder(one)
	captured, next := c.proof(0), c.proof(25*time.Second)
	c.want(one, "a proof", captured, http.StatusOK)
	c.want(other, "replayed at another gateway", captured, http.StatusUnauthorized)
	c.want(other, "a proof by a clock ahead", next, http.StatusOK)
	other.restart()
	c.want(other, "replayed at a gateway that was started again", next, http.StatusUnauthorized)
	c.want(one, "replayed at another gateway", next, http.StatusUnauthorized)

	const callers = 64
	proof := c.proof(0)
	var in, refused atomic.Int32
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			switch got := c.use([]*house{one, other}[i%2], proof); got {
			case http.StatusOK:
				in.Add(1)
			case http.StatusUnauthorized:
				refused.Add(1)
			default:
				t.Errorf("status %d", got)
			}
		})
	}
	all.Wait()
	if in.Load() != 1 || refused.Load() != callers-1 {
		t.Errorf("of %d at once %d were let in and %d refused", callers, in.Load(), refused.Load())
	}
	attacktest.Proofs.Refused(t, "one proof many times at once at two gateways", callers-1)
}

// TestProofAcrossRestart, on the embedded store: a proof by a clock ahead is younger
// than the gateway that is started again, and was used all the same. And where the store
// does not answer nobody is let in.
func TestProofAcrossRestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withPublicURL)
	h.stop()
	var down atomic.Bool
	h.options = func(o *gateway.Options) {
		o.Store = func(s gateway.Store) gateway.Store {
			return storetest.Intercept(s, func(w storetest.Write, do func() error) error {
				if down.Load() && w.Op == storetest.InsertPiece {
					return storetest.Failed.Do(do)
				}
				return do()
			})
		}
	}
	h.start()
	c := newHolder(h)
	captured := c.proof(25 * time.Second)
	c.want(h, "a proof by a clock ahead", captured, http.StatusOK)
	h.restart()
	c.want(h, "replayed at the only gateway, started again", captured, http.StatusUnauthorized)
	down.Store(true)
	lost := c.proof(0)
	c.want(h, "where the store does not answer", lost, http.StatusServiceUnavailable)
	down.Store(false)
	c.want(h, "shown again after the store did not answer", lost, http.StatusUnauthorized)
	c.want(h, "when it answers again", c.proof(0), http.StatusOK)
}
