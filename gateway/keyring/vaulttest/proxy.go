package vaulttest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Proxy stands between a gateway and a Vault without TLS: it counts calls, and can be
// far away or fail.
type Proxy struct {
	*httptest.Server

	mu    sync.Mutex // covers what follows
	calls []string
	away  time.Duration
	// fail answers in Vault's place, if it is set and reports true.
	fail func(http.ResponseWriter, *http.Request) bool
}

// NewProxy makes a proxy of a Vault, which ends with the test.
func NewProxy(tb testing.TB, address string) *Proxy {
	tb.Helper()
	target, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{}
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.calls = append(p.calls, r.Method+" "+r.URL.Path)
		fail, away := p.fail, p.away
		p.mu.Unlock()
		if fail != nil && fail(w, r) {
			return
		}
		travel(r, away)
		forward.ServeHTTP(delayed{w, r, away}, r)
	}))
	tb.Cleanup(p.Close)
	return p
}

// delayed holds an answer back on its way.
type delayed struct {
	http.ResponseWriter

	r    *http.Request
	away time.Duration
}

func (d delayed) WriteHeader(status int) {
	travel(d.r, d.away)
	d.ResponseWriter.WriteHeader(status)
}

// travel waits for as long as a message is under way.
func travel(r *http.Request, away time.Duration) {
	if away == 0 {
		return
	}
	select {
	case <-time.After(away):
	case <-r.Context().Done():
	}
}

// Count is how many calls there were whose method and path contain a text.
func (p *Proxy) Count(part string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, c := range p.calls {
		if strings.Contains(c, part) {
			n++
		}
	}
	return n
}

// Calls are the methods and paths of all calls, oldest first.
func (p *Proxy) Calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.calls...)
}

// FailWith has a function answer in Vault's place where it reports true.
func (p *Proxy) FailWith(fail func(http.ResponseWriter, *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = fail
}

// Away moves Vault away: a call takes so long to it, and its answer so long back.
func (p *Proxy) Away(each time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = each
}
