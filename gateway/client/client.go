// Package client reads a gateway's log over HTTP: what an information governance
// lead, a partner or anybody may see of it.
//
// It believes nothing it is told: what it hands on is verified by the callers
// (audit.Verify and its like), and tiles are held against the checkpoint's root
// before a proof is made of them. Bodies are bounded; redirects are not followed,
// since a token goes with each request.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	// timeout bounds one request but for the body of an export.
	timeout = time.Minute
	// bodyLimit bounds every answer but an export.
	bodyLimit = 16 << 20
	// errorLimit bounds what is shown of an answer that is a problem.
	errorLimit = 4 << 10
)

// Client asks one gateway. It is safe for concurrent use.
type Client struct {
	server string
	token  string
	http   *http.Client
}

// New returns a client of the gateway at a base URL. The token may be empty for
// what needs none.
func New(server, token string) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.Wrap(fault.Invalid, "client.New", "the server's address has to begin with https:// or http://", err)
	}
	return &Client{server: server, token: token, http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Export opens the stream of the whole log. The caller closes it.
func (c *Client) Export(ctx context.Context) (io.ReadCloser, error) {
	return c.open(ctx, "/v1/audit/export", url.Values{"log_purpose": {"data-integrity"}})
}

// Post sends a body to a path and decodes a good answer.
func (c *Client) Post(ctx context.Context, path, contentType string, body []byte, into any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := c.do(ctx, http.MethodPost, path, nil, contentType, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return decode(r, into)
}

// open asks for a path and returns the body of a good answer.
func (c *Client) open(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	return c.do(ctx, http.MethodGet, path, query, "", http.NoBody)
}

// do sends a request and returns the body of a good answer.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, contentType string, body io.Reader) (io.ReadCloser, error) {
	const op = "client.do"
	address, err := url.JoinPath(c.server, path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "the server's address is not one", err)
	}
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "the server's address is not one", err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the server cannot be reached", err)
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, errorLimit)) // what can be read is shown
	_ = res.Body.Close()
	kind := fault.Unavailable
	if res.StatusCode == http.StatusNotFound {
		kind = fault.NotFound
	}
	return nil, fault.New(kind, op, "the server answered "+res.Status+": "+string(text))
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
