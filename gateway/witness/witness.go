// Package witness speaks to the witnesses of the log over HTTP
// (c2sp.org/tlog-witness).
//
// A request is POST <url>/add-checkpoint with the size that the witness is thought
// to have, a consistency proof, an empty line and the signed checkpoint; the answer
// is signature lines. Nothing else leaves: a checkpoint is a size, a hash and
// signatures. What a witness answers is bounded and not trusted: package audit
// verifies the cosignature. Redirects are not followed, so that a witness cannot
// send the gateway to another host.
package witness

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	// timeout bounds a whole exchange, whatever the caller's context says.
	timeout = 10 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 16 << 10
	// maxProof is how many hashes a request may hold (c2sp.org/tlog-witness).
	maxProof = 63
)

// Client is a witness at an address. It implements audit.Witness.
type Client struct {
	url  string
	http *http.Client
}

// New returns the witness at a base URL, http or https. It answers Invalid for
// anything else; whether plain http may be used is for the configuration to say.
func New(base string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fault.Wrap(fault.Invalid, "witness.New", "The URL of a witness has to be http or https, with a host and no query.", err)
	}
	transport := &http.Transport{
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    timeout,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: maxAnswer,
		IdleConnTimeout:        time.Minute,
		MaxIdleConnsPerHost:    1,
	}
	return &Client{
		url: strings.TrimSuffix(u.String(), "/") + "/add-checkpoint",
		http: &http.Client{
			Transport: transport, Timeout: timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close closes the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Cosign implements audit.Witness.
func (c *Client) Cosign(ctx context.Context, old int64, proof []tlog.Hash, checkpoint []byte) ([]byte, error) {
	const op = "witness.Cosign"
	if len(proof) > maxProof {
		return nil, fault.New(fault.Invalid, op, "the consistency proof is too long")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(request(old, proof, checkpoint)))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the witness cannot be asked", err)
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the witness was not reached", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil || len(body) > maxAnswer {
		return nil, fault.Wrap(fault.Unavailable, op, "the answer of the witness is cut off or too long", err)
	}
	return answer(resp, body)
}

// request is the body of a request.
func request(old int64, proof []tlog.Hash, checkpoint []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "old %d\n", old)
	for _, hash := range proof {
		b.WriteString(hash.String() + "\n")
	}
	b.WriteByte('\n')
	b.Write(checkpoint)
	return b.Bytes()
}

// answer reads what a witness said.
func answer(resp *http.Response, body []byte) ([]byte, error) {
	const op = "witness.Cosign"
	said := fmt.Errorf("status %d", resp.StatusCode) //nolint:err113 // what it says beside it is not for our log
	switch resp.StatusCode {
	case http.StatusOK:
		return body, nil
	case http.StatusConflict:
		kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		text, ended := strings.CutSuffix(string(body), "\n")
		size, sizeErr := strconv.ParseInt(text, 10, 64)
		if err != nil || kind != "text/x.tlog.size" || !ended || sizeErr != nil || size < 0 || strconv.FormatInt(size, 10) != text {
			return nil, fault.Wrap(fault.Unavailable, op, "the witness names no size", said)
		}
		return nil, &audit.OtherSizeError{Size: size}
	case http.StatusUnprocessableEntity:
		return nil, fault.Wrap(fault.Conflict, op, "the checkpoint does not continue what the witness has cosigned", said)
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound:
		return nil, fault.Wrap(fault.Forbidden, op, "the witness does not take checkpoints of this log", said)
	default:
		return nil, fault.Wrap(fault.Unavailable, op, "the witness does not answer", said)
	}
}
