package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	// timeout bounds one request but for the body of an export and for rows.
	timeout = time.Minute
	// bodyLimit bounds every answer but an export.
	bodyLimit = 16 << 20
	// errorLimit bounds what is read of an answer that is a problem.
	errorLimit = 64 << 10
)

// Client asks one gateway. It is safe for concurrent use.
type Client struct {
	server string
	secret func(context.Context) (string, error)
	http   *http.Client
	sleep  func(context.Context, time.Duration) error
	// jitter is a number from 0 to 1 by which waits differ between clients.
	jitter   func() float64
	patience time.Duration
	plain    bool
}

// Option changes how a client goes about it.
type Option func(*Client)

// WithTokens asks for the token before each request, because tokens live for an
// hour and an upload may take longer. It replaces the token that New was given.
func WithTokens(token func(context.Context) (string, error)) Option {
	return func(c *Client) { c.secret = token }
}

// WithTransport sends requests by another transport than one that verifies the
// gateway's certificate against the roots of the system: one with the agency's own
// roots, or with a client certificate.
func WithTransport(t http.RoundTripper) Option { return func(c *Client) { c.http.Transport = t } }

// WithPatience sets how much waiting there is between attempts of which none goes
// ahead, before the client gives up: two minutes, where it is not set.
func WithPatience(d time.Duration) Option { return func(c *Client) { c.patience = d } }

// WithSleep replaces waiting, for tests.
func WithSleep(sleep func(context.Context, time.Duration) error) Option {
	return func(c *Client) { c.sleep = sleep }
}

// WithPlainHTTP lets rows and token go over http:// to another machine, for
// networks that encrypt by themselves. Otherwise only https:// is taken for that.
func WithPlainHTTP() Option { return func(c *Client) { c.plain = true } }

// New returns a client of the gateway at a base URL. The token may be empty for
// what needs none.
func New(server, token string, options ...Option) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.Wrap(fault.Invalid, "client.New", "the server's address has to begin with https:// or http://", err)
	}
	c := &Client{
		server: server, secret: func(context.Context) (string, error) { return token, nil },
		sleep: pause, jitter: rand.Float64, patience: 2 * time.Minute,
		http: &http.Client{
			Transport:     transport(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	for _, o := range options {
		o(c)
	}
	return c, nil
}

// transport is the standard library's, with nothing older than TLS 1.2.
func transport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // somebody replaced it, who knows why
		return http.DefaultTransport
	}
	t = t.Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return t
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Export opens the stream of the whole log. The caller closes it.
func (c *Client) Export(ctx context.Context) (io.ReadCloser, error) {
	return c.open(ctx, "/v1/audit/export", url.Values{"log_purpose": {"data-integrity"}})
}

// Post sends a body to a path and decodes a good answer.
func (c *Client) Post(ctx context.Context, path, contentType string, body []byte, into any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := c.do(ctx, request{
		method: http.MethodPost, path: path, header: http.Header{"Content-Type": {contentType}},
		body: bytes.NewReader(body), size: int64(len(body)),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return decode(r, into)
}

// open asks for a path and returns the body of a good answer.
func (c *Client) open(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	return c.do(ctx, request{method: http.MethodGet, path: path, query: query})
}

// do sends a request and returns the body of a good answer. Of what is not one, only
// that there is no such thing is told apart.
func (c *Client) do(ctx context.Context, r request) (io.ReadCloser, error) {
	res, err := c.send(ctx, r)
	if err == nil {
		return res.Body, nil
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		kind := fault.Unavailable
		if p.Status == http.StatusNotFound {
			kind = fault.NotFound
		}
		return nil, fault.Wrap(kind, "client.do", "the server refused", p)
	}
	return nil, err
}

// bytes asks for a path and returns the whole of a good answer.
func (c *Client) bytes(ctx context.Context, path string, query url.Values) (body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := c.open(ctx, path, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return readAll(r)
}

// readAll reads an answer up to what the longest has.
func readAll(r io.Reader) ([]byte, error) {
	const op = "client.readAll"
	body, err := io.ReadAll(io.LimitReader(r, bodyLimit+1))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the server's answer was cut off", err)
	}
	if len(body) > bodyLimit {
		return nil, fault.New(fault.Unavailable, op, "the server's answer is larger than any it gives")
	}
	return body, nil
}

// json asks for a path and decodes a good answer.
func (c *Client) json(ctx context.Context, path string, query url.Values, into any) error {
	body, err := c.bytes(ctx, path, query)
	if err != nil {
		return err
	}
	return decode(bytes.NewReader(body), into)
}

// decode decodes a good answer.
func decode(r io.Reader, into any) error {
	body, err := readAll(r)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fault.Wrap(fault.Unavailable, "client.decode", "the server's answer is not what it should be", err)
	}
	return nil
}
