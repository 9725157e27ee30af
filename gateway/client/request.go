package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// request is one request that is sent.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         io.Reader
	size         int64
}

// send sends a request with a token. An answer that is not good is a fault of the
// gateway's kind with a *Problem as its cause; no answer is Unavailable.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	const op = "client.send"
	address, err := url.JoinPath(c.server, r.path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "the server's address is not one", err)
	}
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	if r.body == nil || r.size == 0 {
		r.body = http.NoBody
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, r.body)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "the server's address is not one", err)
	}
	req.ContentLength = r.size
	if r.header != nil {
		req.Header = r.header.Clone()
	}
	token, err := c.secret(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.Unauthenticated, op, "there is no token", err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the server cannot be reached", err)
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return res, nil
	}
	p := problemOf(res)
	if again, err := c.secret(ctx); p.Status == http.StatusUnauthorized && err == nil && again != token {
		p.RetryAfter, p.renewed = 0, true
	}
	return nil, fault.Wrap(kindOf(p.Status), op, "the gateway refused", p)
}

// The bounds of a wait between two attempts.
const (
	firstWait = 500 * time.Millisecond
	waitLimit = 30 * time.Second
)

// pace is a series of attempts that are to bring one thing to its end.
type pace struct {
	*Client

	// tell says that an attempt failed, and for how long is waited.
	tell   func(wait time.Duration, cause error)
	tries  int
	waited time.Duration
}

// ahead says that something went ahead: patience begins anew.
func (p *pace) ahead() { p.tries, p.waited = 0, 0 }

// again waits before the next attempt. It returns err where there should be none:
// the gateway will say the same again, the context is over, or patience is.
func (p *pace) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.Join(fault.Wrap(fault.Unavailable, "client.again", "it was stopped", ctx.Err()), err)
	}
	asked, may := retryable(err)
	if !may || p.waited >= p.patience {
		return err
	}
	wait := min(firstWait<<min(p.tries, 10), waitLimit)
	wait = wait/2 + time.Duration(p.jitter()*float64(wait/2)) // so that not all come back at once
	wait = max(wait, asked)
	p.tries++
	p.waited += wait
	p.tell(wait, err)
	if stopped := p.sleep(ctx, wait); stopped != nil {
		return errors.Join(fault.Wrap(fault.Unavailable, "client.again", "it was stopped", stopped), err)
	}
	return nil
}

// retryable reports whether the same request may do better later, and how long the
// gateway asks to wait.
func retryable(err error) (time.Duration, bool) {
	if p, ok := errors.AsType[*Problem](err); ok {
		switch {
		case p.renewed, p.Status == http.StatusTooManyRequests, p.Status == http.StatusRequestTimeout, p.Status >= 500:
			return p.RetryAfter, true
		case p.Status == http.StatusConflict: // still at work on the same key, or the upload stands elsewhere
			return p.RetryAfter, p.RetryAfter > 0 || p.offset >= 0
		}
		return 0, false
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return 0, false
	}
	if _, ok := errors.AsType[*unreadable](err); ok {
		return 0, false
	}
	return 0, fault.Is(err, fault.Unavailable)
}
