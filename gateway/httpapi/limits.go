package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/limit"
)

// accept looks at a request before anything else does: at where it says that it comes
// from, and at how it names what it wants.
func (s *server) accept(r *http.Request) (*http.Request, error) {
	if r.ProtoMajor != 1 { // net/http hands on the preface of HTTP/2
		return r, badHeader("This speaks HTTP/1.1.", "version")
	}
	if r.URL.User != nil { // RFC 9110 section 4.2.4
		return r, badHeader("The target of the request names a user.", "target")
	}
	return s.Proxies.from(r)
}

// dubious reports whether another reader of the same bytes may see the end of this
// request elsewhere: then nothing that follows on the connection is taken for a request.
// net/http reads a body by its chunks where it has a length too, and does not say so; of
// such a message RFC 9112 section 6.1 says that the connection must be closed after it.
func dubious(r *http.Request) bool {
	return len(r.TransferEncoding) > 0 || r.ProtoMajor != 1 || r.ProtoMinor < 1
}

// arrive takes a place in the gateway for the request, and asks whether its address may
// try.
func (s *server) arrive(c *call) error {
	if c.route.class == limit.Exempt {
		return nil
	}
	leave, refused := s.Limits.Enter()
	if refused != nil {
		return tooMuch(refused)
	}
	c.leaving = append(c.leaving, leave)
	ask := s.Limits.Stranger
	if c.route.public {
		ask = s.Limits.Public
	}
	return tooMuch(ask(originOf(c.Request).addr))
}

// admit charges the principal and its agency. Who is over a limit is known, and logged as
// who they are; who is let in, and then turns out to show a proof that another gateway
// took, has paid and is not known: their address does not pay once more.
func (s *server) admit(c *call, p identity.Principal) error {
	leave, refused := s.Limits.Known(p.Agency, p.Subject, c.route.class)
	if refused != nil {
		c.principal = p
		return tooMuch(refused)
	}
	c.charged = true
	c.leaving = append(c.leaving, leave)
	return nil
}

// leave gives back what the request has taken.
func (c *call) leave() {
	for _, leave := range c.leaving {
		leave()
	}
}

// tooMuch is the fault that a refusal is answered with. A gateway that is full is not the
// caller's doing.
func tooMuch(r *limit.Refusal) error {
	const op = "httpapi.limits"
	var f *fault.Error
	switch {
	case r == nil:
		return nil
	case r.Busy && r.Scope == limit.OfGateway:
		f = fault.Wrap(fault.Unavailable, op, "The gateway has as much to do as it can. Ask again.", r).WithCode("busy")
	case r.Busy:
		f = fault.Wrap(fault.Limited, op, "Your agency has too many requests under way. Wait for some to end.", r).WithCode("too-many-at-once")
	default:
		f = fault.Wrap(fault.Limited, op, "Too many requests. Ask again later.", r).WithCode("too-often")
	}
	f.RetryAfter = r.Retry
	return f
}

// overLimit reports whether it is a limit of this gateway that was reached.
func overLimit(err error) bool {
	_, ok := errors.AsType[*limit.Refusal](err)
	return ok
}

// bounded is the handler of a route behind the bound of its body: a body that says that
// it is larger is refused unread, and of one that does not say it no more is read.
func bounded(r route) handler {
	handle, most := r.handle, r.body
	if most == unread {
		return handle
	}
	return func(c *call) (*reply, error) {
		switch n := c.Request.ContentLength; {
		case n > most:
			return nil, tooLarge(most)
		case n < 0 && most == none:
			if err := empty(c.Request.Body); err != nil {
				return nil, err
			}
		case n != 0:
			c.Request = c.Request.WithContext(c.Request.Context()) // as in patiently
			c.Request.Body = &boundedBody{http.MaxBytesReader(nil, c.Request.Body, most)}
		}
		return handle(c)
	}
}

// empty checks that a body that does not say how long it is has nothing in it: clients
// that do not know whether they have one send it in chunks, of which there are none.
func empty(body io.Reader) error {
	var one [1]byte
	_, err := io.ReadFull(body, one[:])
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return unreadable(err)
	default:
		return tooLarge(none)
	}
}

// boundedBody turns the error of a body over its bound into a fault.
type boundedBody struct{ io.ReadCloser }

// Read reads the body.
func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if over, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = tooLarge(over.Limit)
	}
	return n, err
}

func tooLarge(most int64) error {
	message := "The body is larger than " + strconv.FormatInt(most>>10, 10) + " KiB."
	switch {
	case most == none:
		message = "This takes no body."
	case most >= 1<<30:
		message = "The body is larger than " + strconv.FormatInt(most>>20, 10) + " MiB. Send it in parts."
	}
	return fault.New(fault.TooLarge, "httpapi.body", message)
}

// unreadable is the fault of a body that did not come whole, unless it has one already.
func unreadable(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	return fault.Wrap(fault.Invalid, "httpapi.body", "The body could not be read.", err)
}
