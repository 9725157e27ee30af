package vault

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"
)

// pause is how long after a call that failed for good no other is made.
const pause = time.Second

// conn makes calls with a token, which it keeps alive.
type conn struct {
	api *api.Client
	// door has no token, and logs in: Vault would look at a token that went with it
	// first. It is no clone, which would follow redirects.
	door *api.Client
	opt  Options

	// logging is held while a login is made, so that one is made for all.
	logging sync.Mutex

	// down is the newest outage, or nil.
	down atomic.Pointer[outage]
}

// outage is a refusal that holds for every call for a while.
type outage struct {
	since, until time.Time
	why          *refusal
}

func newConn(o Options) (*conn, error) {
	client, err := newClient(o)
	if err != nil {
		return nil, err
	}
	door, err := newClient(o)
	if err != nil {
		return nil, err
	}
	return &conn{api: client, door: door, opt: o}, nil
}

func (c *conn) read(ctx context.Context, path string) (*api.Secret, error) {
	return c.do(ctx, path, func(ctx context.Context) (*api.Secret, error) {
		return c.api.Logical().ReadWithContext(ctx, path)
	})
}

func (c *conn) write(ctx context.Context, path string, body map[string]any) (*api.Secret, error) {
	return c.do(ctx, path, func(ctx context.Context) (*api.Secret, error) {
		return c.api.Logical().WriteWithContext(ctx, path, body)
	})
}

func (c *conn) remove(ctx context.Context, path string) error {
	_, err := c.do(ctx, path, func(ctx context.Context) (*api.Secret, error) {
		return c.api.Logical().DeleteWithContext(ctx, path)
	})
	return err
}

func (c *conn) list(ctx context.Context, path string) (*api.Secret, error) {
	return c.do(ctx, path, func(ctx context.Context) (*api.Secret, error) {
		return c.api.Logical().ListWithContext(ctx, path)
	})
}

// do makes a call, and once more after a new login where the token has died. Its
// errors are refusals.
func (c *conn) do(ctx context.Context, path string, call func(context.Context) (*api.Secret, error)) (*api.Secret, error) {
	if o := c.down.Load(); o != nil && c.opt.Clock().Before(o.until) {
		return nil, o.why
	}
	within, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	token := c.api.Token()
	answer, err := call(within)
	if err == nil {
		c.up()
		return answer, nil
	}
	r := refused(path, err)
	if r.status == http.StatusForbidden && c.dead(within, r) {
		if err := c.relogin(within, token); err != nil {
			return nil, c.failed(ctx, refused("", err))
		}
		if answer, err = call(within); err == nil {
			c.up()
			return answer, nil
		}
		r = refused(path, err)
	}
	return nil, c.failed(ctx, r)
}

// dead reports whether a call was refused because the token is none any more, and
// not because of a policy.
func (c *conn) dead(ctx context.Context, r *refusal) bool {
	if r.lapsed {
		return true
	}
	_, err := c.api.Auth().Token().LookupSelfWithContext(ctx)
	return err != nil && refused("", err).status == http.StatusForbidden
}

// failed notes an outage. A caller that went away, or had less time than
// Options.Timeout, says nothing of Vault.
func (c *conn) failed(ctx context.Context, r *refusal) *refusal {
	if !r.reason.outage() || ctx.Err() != nil {
		return r
	}
	now := c.opt.Clock()
	o := &outage{since: now, until: now.Add(pause), why: r}
	before := c.down.Load()
	if before != nil {
		o.since = before.since
	}
	c.down.Store(o)
	if before == nil || before.why.reason != r.reason {
		c.opt.Logger.Warn("the keys cannot be had from Vault; those in memory serve until their time is over",
			"reason", string(r.reason), "cache", c.opt.Cache.String())
	}
	return r
}

// up notes that Vault works.
func (c *conn) up() {
	if o := c.down.Swap(nil); o != nil {
		c.opt.Logger.Info("Vault answers again", "after", c.opt.Clock().Sub(o.since).String())
	}
}
