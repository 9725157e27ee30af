package vaulttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// callTimeout bounds a call to a Vault that runs here.
const callTimeout = 30 * time.Second

// Call asks Vault something and returns the status and the answer.
func (s *Server) Call(token, method, path string, body any) (int, map[string]any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	var sent io.Reader = http.NoBody
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		sent = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, s.Address+"/v1/"+path, sent)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("X-Vault-Token", token)
	req.Header.Set("X-Vault-Request", "true")
	res, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || len(raw) == 0 {
		return res.StatusCode, nil, err
	}
	var answer map[string]any
	return res.StatusCode, answer, json.Unmarshal(raw, &answer)
}

// Admin asks Vault something as root, and fails the test unless it is done.
func (s *Server) Admin(tb testing.TB, method, path string, body any) map[string]any {
	tb.Helper()
	status, answer, err := s.Call(s.Root, method, path, body)
	if err != nil || status >= http.StatusBadRequest {
		tb.Fatalf("%s %s: %d %v %v", method, path, status, answer, err)
	}
	return answer
}

// Seal seals Vault.
func (s *Server) Seal(tb testing.TB) {
	tb.Helper()
	s.Admin(tb, http.MethodPut, "sys/seal", nil)
}

// Unseal unseals Vault.
func (s *Server) Unseal(tb testing.TB) {
	tb.Helper()
	if err := s.open(); err != nil {
		tb.Fatal(err)
	}
}

// Stop ends the process.
func (s *Server) Stop() { s.end() }

// Restart starts the process again, at the same address, and unseals it.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.end()
	if err := s.run(); err != nil {
		tb.Fatal(err)
	}
	s.Unseal(tb)
}

// answers reports whether Vault says anything of itself.
func (s *Server) answers() bool {
	status, _, err := s.Call("", http.MethodGet, "sys/seal-status", nil)
	return err == nil && status == http.StatusOK
}

// initialise gives a new Vault its keys.
func (s *Server) initialise() error {
	status, answer, err := s.Call("", http.MethodPut, "sys/init", map[string]any{"secret_shares": 1, "secret_threshold": 1})
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("initialising: %d %w", status, err)
	}
	keys, _ := answer["keys_base64"].([]any)
	root, _ := answer["root_token"].(string)
	if len(keys) != 1 || root == "" {
		return errors.New("initialising gives no keys")
	}
	s.unseal, _ = keys[0].(string)
	s.Root = root
	return s.open()
}

// open unseals Vault and waits until it works: it is on standby for a moment.
func (s *Server) open() error {
	status, _, err := s.Call("", http.MethodPut, "sys/unseal", map[string]any{"key": s.unseal})
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("unsealing: %d %w", status, err)
	}
	deadline := time.After(startTimeout)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if status, _, err := s.Call("", http.MethodGet, "sys/health", nil); err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-deadline:
			return errors.New("it is unsealed and does not work")
		case <-tick.C:
		}
	}
}
