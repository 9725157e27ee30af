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

// file fetches a resource as a persona, in a media type.
func (c *client) file(ctx context.Context, persona, path, mediaType string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("the request to %s: %w", path, err)
	}
	req.Header.Set("Accept", mediaType)
	return c.send(persona, req)
}

func (c *client) do(ctx context.Context, persona, method, path, contentType string, body []byte) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("the request to %s: %w", path, err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return c.send(persona, req)
}

func (c *client) send(persona string, req *http.Request) (*answer, error) {
	token, err := c.folder.Token(persona)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the gateway does not answer: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("the answer to %s broke off: %w", req.URL.Path, err)
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
