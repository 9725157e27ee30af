package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// upload brings one body to the gateway. But for what mu covers it belongs to one
// goroutine.
type upload struct {
	pace
	Submission

	sum []byte // of the body
	// id is the submission's, once it is known.
	id string
	// offset is how many bytes the gateway has, or -1 where it has to be asked; best
	// is the most it ever had.
	offset, best int64
	// done says that the gateway has all of it.
	done bool
	// piece is how many bytes go in one request.
	piece int64

	mu     sync.Mutex // covers what follows, and the calls of Progress
	closed bool
}

func newUpload(c *Client, s Submission, sum []byte) *upload {
	u := &upload{Submission: s, sum: sum, offset: -1, best: -1, piece: s.PieceSize}
	if u.piece <= 0 {
		u.piece = Piece
	}
	u.pace = pace{Client: c, tell: func(wait time.Duration, cause error) {
		u.say(Progress{State: Uploading, Done: max(u.offset, 0), Wait: wait, Cause: cause})
	}}
	return u
}

// say tells the caller how far it is.
func (u *upload) say(p Progress) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if p.Total = u.Size; u.Progress != nil && !u.closed {
		u.Progress(p)
	}
}

// shut ends the telling: a request that was given up may still read of the body.
func (u *upload) shut() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
}

// whole sends everything in one request.
func (u *upload) whole(ctx context.Context) (*Result, error) {
	for {
		u.offset = 0
		res, err := u.carry(ctx, u.create(u.sum), u.Size) //nolint:bodyclose // resultOf closes it
		if err == nil {
			var r *Result
			if r, err = resultOf(res); err == nil {
				return r, nil
			}
		}
		if err := u.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// pieces sends one piece after the other, from where the gateway stands.
func (u *upload) pieces(ctx context.Context) (*Result, error) {
	for {
		r, err := u.step(ctx)
		switch {
		case r != nil:
			return r, nil
		case err == nil && u.offset > u.best:
			u.best = u.offset
			u.ahead()
			continue
		case err == nil:
			continue
		}
		u.offset = -1
		if err := u.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// step does what comes next, and returns a result at the end.
func (u *upload) step(ctx context.Context) (*Result, error) {
	switch {
	case u.id == "":
		return u.open(ctx)
	case u.done:
		return u.Client.Submission(ctx, u.id)
	case u.offset < 0:
		return nil, u.ask(ctx)
	default:
		return u.more(ctx)
	}
}

// open makes the upload, or finds the one with its key.
func (u *upload) open(ctx context.Context) (*Result, error) {
	r := u.create(u.sum)
	r.header.Set("Upload-Complete", "?0")
	r.header.Set("Upload-Length", strconv.FormatInt(u.Size, 10))
	res, err := u.carry(ctx, r, 0) //nolint:bodyclose // resultOf closes it
	if err != nil {
		return nil, err
	}
	answer, err := resultOf(res)
	if err != nil {
		return nil, err
	}
	if answer.State != Uploading {
		return answer, nil // it was all there before
	}
	if most, ok := limitOf(res.Header, "max-size"); ok && u.Size > most {
		return nil, fault.New(fault.TooLarge, "client.Submit",
			"the gateway takes files of "+strconv.FormatInt(most, 10)+" bytes at most: compress it or send it in parts")
	}
	if most, ok := limitOf(res.Header, "max-append-size"); ok && most > 0 {
		u.piece = min(u.piece, most)
	}
	if u.id = answer.ID; u.id == "" {
		u.id = path.Base(res.Header.Get("Location"))
	}
	if err := u.stands(res.Header); err != nil {
		return nil, err
	}
	u.say(Progress{State: Uploading, Done: u.offset, Resumed: u.offset > 0})
	return nil, nil
}

// ask finds out how much the gateway has.
func (u *upload) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	res, err := u.send(ctx, request{method: http.MethodHead, path: pathOf(u.id)})
	if err != nil {
		return err
	}
	if err := discard(res); err != nil {
		return fault.Wrap(fault.Unavailable, "client.Submit", "the server's answer was cut off", err)
	}
	if strings.TrimSpace(res.Header.Get("Upload-Complete")) == "?1" {
		u.done = true
		return nil
	}
	return u.stands(res.Header)
}

// more sends the next piece. The answer to the last is that to the whole.
func (u *upload) more(ctx context.Context) (*Result, error) {
	n := min(u.piece, u.Size-u.offset)
	last := u.offset+n == u.Size
	r := request{method: http.MethodPatch, path: pathOf(u.id), header: http.Header{"Content-Type": {"application/partial-upload"}}}
	r.header.Set("Upload-Offset", strconv.FormatInt(u.offset, 10))
	r.header.Set("Upload-Complete", map[bool]string{false: "?0", true: "?1"}[last])
	res, err := u.carry(ctx, r, n)
	switch {
	case err != nil:
		return nil, err
	case last:
		u.done = true
		return resultOf(res)
	}
	if err := discard(res); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "client.Submit", "the server's answer was cut off", err)
	}
	return nil, u.stands(res.Header)
}

// carry sends a request with the next n bytes of the body.
func (u *upload) carry(ctx context.Context, r request, n int64) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, rowsTimeout+time.Duration(n/slowest)*time.Second)
	from := max(u.offset, 0)
	body := &told{r: io.NewSectionReader(u.Body, from, n), tell: func(read int64) {
		u.say(Progress{State: Uploading, Done: from + read})
	}}
	r.body, r.size = body, n
	res, err := u.send(ctx, r)
	if err != nil {
		cancel()
		if cause := body.failed(); cause != nil {
			return nil, fault.Wrap(fault.Invalid, "client.Submit", "the file cannot be read to its end, or was changed", cause)
		}
		return nil, err
	}
	res.Body = closing{res.Body, cancel}
	return res, nil
}

// stands takes over where the gateway says that the upload stands.
func (u *upload) stands(h http.Header) error {
	at, err := offsetOf(h)
	if err != nil || at > u.Size {
		return fault.Wrap(fault.Conflict, "client.Submit", "the gateway says no place at which the upload could stand", err)
	}
	u.offset = at
	return nil
}

// offsetOf reads Upload-Offset.
func offsetOf(h http.Header) (int64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(h.Get("Upload-Offset")), 10, 63)
	return int64(n), err
}

// limitOf reads one member of Upload-Limit, a dictionary of RFC 9651 section 3.2.
func limitOf(h http.Header, name string) (int64, bool) {
	for _, line := range h.Values("Upload-Limit") {
		for member := range strings.SplitSeq(line, ",") {
			if key, value, ok := strings.Cut(strings.TrimSpace(member), "="); ok && key == name {
				value, _, _ = strings.Cut(value, ";")
				n, err := strconv.ParseInt(value, 10, 64)
				return n, err == nil
			}
		}
	}
	return 0, false
}

func pathOf(id string) string { return "/v1/submissions/" + url.PathEscape(id) }

// told reads a body and tells how much of it was read. The transport reads in another
// goroutine than the one that sends.
type told struct {
	r    io.Reader
	tell func(read int64)

	mu   sync.Mutex // covers what follows
	read int64
	err  error
}

// unreadable is an error of the file, not of the connection.
type unreadable struct{ error }

func (t *told) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.mu.Lock()
	t.read += int64(n)
	if read := t.read; n > 0 {
		defer t.tell(read)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = &unreadable{err}
		t.err = err
	}
	t.mu.Unlock()
	return n, err
}

// failed returns why the file could not be read, if it could not.
func (t *told) failed() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// closing ends the context of a request with its answer.
type closing struct {
	io.ReadCloser

	cancel context.CancelFunc
}

func (c closing) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}
