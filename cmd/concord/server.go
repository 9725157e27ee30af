package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/concord-gateway/concord/gateway/fault"
)

// request asks a gateway with the token of CONCORD_TOKEN. The caller closes the
// body.
func request(c *console, method, server, path, query, contentType string, body io.Reader) (*http.Response, error) {
	token := os.Getenv("CONCORD_TOKEN")
	if token == "" {
		return nil, errors.New("CONCORD_TOKEN is not set: a gateway is asked with a token")
	}
	address, err := url.JoinPath(server, path)
	if err != nil {
		return nil, fmt.Errorf("the server's address: %w", err)
	}
	if query != "" {
		address += "?" + query
	}
	req, err := http.NewRequestWithContext(c.ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("the server's address: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the server cannot be reached: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		defer func() { _ = res.Body.Close() }()
		const most = 4 << 10
		text, _ := io.ReadAll(io.LimitReader(res.Body, most)) // what can be read is shown
		return nil, fault.New(fault.Unavailable, "concord", "the server answered "+res.Status+": "+string(text))
	}
	return res, nil
}

// post sends a body and decodes the answer.
func post(c *console, server, path, contentType string, body []byte, into any) error {
	res, err := request(c, http.MethodPost, server, path, "", contentType, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return json.NewDecoder(res.Body).Decode(into)
}
