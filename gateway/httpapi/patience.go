package httpapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Patience is how slow the other side may be. A body may take as long as it takes, as
// long as it comes at that rate: a gigabyte over a slow line is fine, a byte a minute
// is not. What is zero is not limited.
//
// Only the time that is spent waiting for the other side counts, not what the gateway
// itself needs between one read and the next.
type Patience struct {
	// Window is how long the gateway waits for Window times BytesPerSecond, of a body
	// that is sent and of an answer that is taken.
	Window         time.Duration
	BytesPerSecond int64
	// Total is how long a body may take in all.
	Total time.Duration
}

// discardTime is how long what is left of a body that nobody reads may take to come at
// most: net/http reads it before it sends the answer, so that the connection can be used
// again.
const discardTime = 2 * time.Second

// pace is what is left of the patience with one direction of one request.
type pace struct {
	Patience

	left  time.Duration
	bytes int64
}

func (p Patience) begin() pace { return pace{Patience: p, left: p.Window} }

// quota is how much has to pass in a window.
func (p *pace) quota() int64 { return int64(p.Window.Seconds() * float64(p.BytesPerSecond)) }

// spent counts what passed, and how long it was waited for.
func (p *pace) spent(n int, waited time.Duration) {
	p.left -= waited
	if p.bytes += int64(n); p.bytes >= p.quota() {
		p.left, p.bytes = p.Window, 0
	}
}

// deadline is until when so many bytes are waited for, or zero for ever.
func (p *pace) deadline(now time.Time, n int) time.Time {
	if p.Window <= 0 {
		return time.Time{}
	}
	wait := p.left
	if p.BytesPerSecond > 0 {
		wait += time.Duration(int64(n) / p.BytesPerSecond * int64(time.Second))
	}
	return now.Add(wait)
}

// after is a time later, or zero, which is never, for no time.
func after(now time.Time, d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return now.Add(d)
}

// patiently makes the request one whose body, and whose answer, cannot be drawn out. done
// has to be called when the request has been answered.
func (s *server) patiently(c *gin.Context) (done func()) {
	if s.Patience == (Patience{}) {
		return func() {}
	}
	rc := http.NewResponseController(c.Writer) // what knows no deadlines, in tests, has none
	_ = rc.SetWriteDeadline(time.Time{})       // that of the answer before is not this one's
	_ = rc.SetReadDeadline(time.Time{})        // that of the header is met
	w := &patientWriter{ResponseWriter: c.Writer, rc: rc, pace: s.Patience.begin()}
	c.Writer = w
	var body *patientBody
	if c.Request.ContentLength != 0 {
		// On a copy: net/http looks at the body of its own request to see whether the
		// caller waits to be told to go on, and how much of the body is left. What is
		// left it may read before it sends the answer, which must not take for ever.
		c.Request = c.Request.WithContext(c.Request.Context())
		_ = rc.SetReadDeadline(after(time.Now(), s.Patience.Window))
		body = &patientBody{ReadCloser: c.Request.Body, rc: rc, answer: c.Writer.Header(), pace: s.Patience.begin()}
		if s.Patience.Total > 0 {
			body.until = time.Now().Add(s.Patience.Total)
		}
		c.Request.Body = body
	}
	return func() {
		discard := time.Duration(0)
		if body != nil && !body.whole {
			discard = discardTime
			if w := s.Patience.Window; w > 0 {
				discard = min(discard, w)
			}
			_ = rc.SetReadDeadline(time.Now().Add(discard))
		}
		if s.Patience.Window > 0 { // for what is still in buffers
			_ = rc.SetWriteDeadline(time.Now().Add(discard + s.Patience.Window))
		}
	}
}

// patientBody is a body that has to come.
type patientBody struct {
	io.ReadCloser

	rc   *http.ResponseController
	pace pace
	// answer is the header of the answer.
	answer http.Header
	// until is when it has to be there; zero is never.
	until time.Time
	// whole says that it has been read to its end.
	whole bool
}

// Read waits no longer than the patience that is left.
func (b *patientBody) Read(p []byte) (int, error) {
	begun := time.Now()
	deadline := b.until
	if d := b.pace.deadline(begun, 0); deadline.IsZero() || !d.IsZero() && d.Before(deadline) {
		deadline = d
	}
	_ = b.rc.SetReadDeadline(deadline)
	n, err := b.ReadCloser.Read(p)
	b.pace.spent(n, time.Since(begun))
	switch {
	case errors.Is(err, io.EOF):
		b.whole = true
		// From here on the server listens for the caller to hang up, and would take a
		// deadline that passes for that.
		_ = b.rc.SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.answer.Set("Connection", "close") // nobody waits for the rest
		err = fault.Wrap(fault.Invalid, "httpapi.body", "The body came too slowly.", err).WithCode("body-too-slow")
	}
	return n, err
}

// patientWriter is an answer that has to be taken.
type patientWriter struct {
	gin.ResponseWriter

	rc   *http.ResponseController
	pace pace
}

// Unwrap is for http.ResponseController.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Write waits no longer than the patience that is left, and what so much needs at
// the slowest rate.
func (w *patientWriter) Write(p []byte) (int, error) {
	begun := time.Now()
	_ = w.rc.SetWriteDeadline(w.pace.deadline(begun, len(p)))
	n, err := w.ResponseWriter.Write(p)
	w.pace.spent(n, time.Since(begun))
	return n, err
}

// WriteString is Write.
func (w *patientWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }
