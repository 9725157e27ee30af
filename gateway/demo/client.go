package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// client calls the API as the personas do: over HTTP, with a token.
type client struct {
	base   string
	folder *Folder
	http   *http.Client
}

// answer is what came back.
type answer struct {
	status int
	body   []byte
}

// get fetches a resource as a persona.
func (c *client) get(ctx context.Context, persona, path string) (*answer, error) {
	return c.do(ctx, persona, http.MethodGet, path, "", nil)
}

// post sends a JSON body as a persona.
func (c *client) post(ctx context.Context, persona, path string, body any) (*answer, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("the request to %s: %w", path, err)
	}
	return c.do(ctx, persona, http.MethodPost, path, "application/json", raw)
}

func (c *client) do(ctx context.Context, persona, method, path, contentType string, body []byte) (*answer, error) {
	token, err := c.folder.Token(persona)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the request to %s: %w", path, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the gateway does not answer: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("the answer to %s broke off: %w", path, err)
	}
	return &answer{status: res.StatusCode, body: raw}, nil
}

// into decodes the body of an answer that has the status wanted.
func (a *answer) into(want int, v any) error {
	if a.status != want {
		return fmt.Errorf("the gateway answered %d, not %d: %s", a.status, want, a.body)
	}
	return json.Unmarshal(a.body, v)
}
