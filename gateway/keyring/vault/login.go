package vault

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"
)

const (
	// loginRetry is how long after a login or a renewal that failed another is made.
	loginRetry = 5 * time.Second
	// everlasting is how often a token that does not end is looked at.
	everlasting = time.Hour
	// revokeTimeout bounds saying goodbye.
	revokeTimeout = 2 * time.Second
)

// lease is how long a token lives.
type lease struct {
	lasts     time.Duration
	renewable bool
}

// next is when a token is to be renewed: with a third of its life left.
func (l lease) next() time.Duration {
	if l.lasts <= 0 {
		return everlasting
	}
	return l.lasts * 2 / 3
}

// login gets a new token.
func (c *conn) login(ctx context.Context) (lease, error) {
	path, body, err := c.credentials()
	if err != nil {
		return lease{}, &refusal{reason: noLogin, cause: err}
	}
	answer, err := c.door.Logical().WriteWithContext(ctx, path, body)
	if err != nil {
		r := refused(path, err)
		if r.reason == denied || r.reason == misread {
			r.reason = noLogin
		}
		return lease{}, r
	}
	if answer == nil || answer.Auth == nil || answer.Auth.ClientToken == "" {
		return lease{}, &refusal{reason: noLogin, path: path, cause: errors.New("the answer holds no token")}
	}
	c.api.SetToken(answer.Auth.ClientToken)
	return leaseOf(answer.Auth), nil
}

// credentials are read anew each time: whoever hands them out may exchange them.
func (c *conn) credentials() (path string, body map[string]any, err error) {
	if k := c.opt.Kubernetes; k.Mount != "" {
		jwt, err := secret(k.JWTFile, "keys.vault.kubernetes.jwt_file")
		if err != nil {
			return "", nil, err
		}
		return "auth/" + k.Mount + "/login", map[string]any{"role": k.Role, "jwt": jwt}, nil
	}
	a := c.opt.AppRole
	role, err := secret(a.RoleIDFile, "keys.vault.approle.role_id_file")
	if err != nil {
		return "", nil, err
	}
	id, err := secret(a.SecretIDFile, "keys.vault.approle.secret_id_file")
	if err != nil {
		return "", nil, err
	}
	return "auth/" + a.Mount + "/login", map[string]any{"role_id": role, "secret_id": id}, nil
}

func leaseOf(a *api.SecretAuth) lease {
	return lease{lasts: time.Duration(a.LeaseDuration) * time.Second, renewable: a.Renewable}
}

// relogin gets a new token in the place of one that is dead, unless somebody has.
func (c *conn) relogin(ctx context.Context, dead string) error {
	c.logging.Lock()
	defer c.logging.Unlock()
	if c.api.Token() != dead {
		return nil
	}
	_, err := c.login(ctx)
	return err
}

// keep keeps the token alive until ctx ends.
func (c *conn) keep(ctx context.Context, first lease) {
	whole, worry := first.lasts, reason("")
	timer := time.NewTimer(first.next())
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		l, err := c.prolong(ctx, whole)
		if err != nil {
			r := refused("", err)
			if r.reason != worry && ctx.Err() == nil {
				worry = r.reason
				c.opt.Logger.Warn("the token for Vault cannot be renewed, and is tried again until it can", "reason", r.Error())
			}
			timer.Reset(min(loginRetry, max(whole/10, pause))) //nolint:mnd // often enough while some of the lease is left
			continue
		}
		worry = ""
		whole = max(whole, l.lasts)
		timer.Reset(l.next())
	}
}

// prolong renews the token, or gets another where that is refused or gives little:
// a token has a greatest age, and what is renewed near it ends there.
func (c *conn) prolong(ctx context.Context, whole time.Duration) (lease, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	c.logging.Lock()
	defer c.logging.Unlock()
	answer, err := c.api.Auth().Token().RenewSelfWithContext(ctx, 0)
	if err == nil && answer != nil && answer.Auth != nil {
		if l := leaseOf(answer.Auth); l.renewable && l.lasts > whole/2 || l.lasts == 0 {
			return l, nil
		}
	}
	if err != nil {
		if s := refused("", err).status; s != http.StatusForbidden && s != http.StatusBadRequest {
			return lease{}, err // a login would not fare better
		}
	}
	return c.login(ctx)
}

// bye revokes the token, as far as Vault is there.
func (c *conn) bye() {
	ctx, cancel := context.WithTimeout(context.Background(), min(revokeTimeout, c.opt.Timeout))
	defer cancel()
	_ = c.api.Auth().Token().RevokeSelfWithContext(ctx, "") // or it ends by itself
	c.api.ClearToken()
}
