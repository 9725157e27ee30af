package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/intake"
)

// pollEvery is how often a job is asked for, where the gateway does not say.
const pollEvery = time.Second

// Wait follows a submission to its end. It goes on over broken connections and
// restarts of the gateway, as Submit does. One that is still being uploaded is a fault
// of kind Conflict: nobody but the uploader could end it.
func (c *Client) Wait(ctx context.Context, id string, progress func(Progress)) (*Result, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	p := pace{Client: c, tell: func(wait time.Duration, cause error) {
		progress(Progress{State: Processing, Wait: wait, Cause: cause})
	}}
	for {
		r, err := c.Submission(ctx, id)
		switch {
		case err != nil:
			if err := p.again(ctx, err); err != nil {
				return nil, err
			}
			continue
		case r.State.Ended():
			return r, nil
		case r.State == Uploading:
			return nil, fault.New(fault.Conflict, "client.Wait", "the upload of this submission is not finished").WithCode("uploading")
		}
		p.ahead()
		progress(r.progress())
		wait := r.RetryAfter
		if wait <= 0 {
			wait = pollEvery
		}
		if err := c.sleep(ctx, wait); err != nil {
			return nil, fault.Wrap(fault.Unavailable, "client.Wait", "it was stopped", err)
		}
	}
}

// progress says how far the gateway is.
func (r *Result) progress() Progress {
	p := Progress{State: r.State, Result: r}
	if j := r.Job; j != nil {
		p.Done, p.Total = j.Rows, j.RowsTotal
	}
	return p
}

// Submission returns what became of a submission so far.
func (c *Client) Submission(ctx context.Context, id string) (*Result, error) {
	return c.result(ctx, http.MethodGet, id)
}

// Cancel ends a submission. The rows that are stored by then stay stored, and the
// result, once it has ended, says how many they are.
func (c *Client) Cancel(ctx context.Context, id string) (*Result, error) {
	return c.result(ctx, http.MethodDelete, id)
}

func (c *Client) result(ctx context.Context, method, id string) (*Result, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	res, err := c.send(ctx, request{method: method, path: pathOf(id)}) //nolint:bodyclose // resultOf closes it
	if err != nil {
		return nil, err
	}
	return resultOf(res)
}

// Errors yields what is wrong with each rejected row, in the order of the rows.
func (c *Client) Errors(ctx context.Context, id string) iter.Seq2[intake.RowError, error] {
	return func(yield func(intake.RowError, error) bool) {
		const page = "1000"
		for after, first := "", true; first || after != ""; first = false {
			var got struct {
				Items []intake.RowError `json:"items"`
				Next  string            `json:"next"`
			}
			query := url.Values{"limit": {page}}
			if after != "" {
				query.Set("after", after)
			}
			if err := c.fetch(ctx, pathOf(id)+"/errors", query, &got); err != nil {
				yield(intake.RowError{}, err)
				return
			}
			for _, e := range got.Items {
				if !yield(e, nil) {
					return
				}
			}
			after = got.Next
		}
	}
}

// ErrorFile writes the rejected rows as CSV: the columns as they were sent, and what
// is wrong and what to do in columns whose names begin with concord_. Corrected, it can
// be submitted as it is. It holds personal data, like the file that was sent. When an
// error comes back, what was written is not all of it.
func (c *Client) ErrorFile(ctx context.Context, id string, w io.Writer) (err error) {
	const op = "client.ErrorFile"
	res, err := c.send(ctx, request{method: http.MethodGet, path: pathOf(id) + "/errors", header: http.Header{"Accept": {"text/csv"}}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if _, err := io.Copy(w, res.Body); err != nil {
		return fault.Wrap(fault.Unavailable, op, "the error file was cut off, or cannot be written", err)
	}
	return nil
}

// Quality returns the data quality report of a submission, as JSON.
func (c *Client) Quality(ctx context.Context, id string) (json.RawMessage, error) {
	var raw json.RawMessage
	err := c.fetch(ctx, pathOf(id)+"/quality", nil, &raw)
	return raw, err
}

// fetch asks for a path and decodes a good answer.
func (c *Client) fetch(ctx context.Context, path string, query url.Values, into any) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	res, err := c.send(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	return decode(res.Body, into)
}
