package httpapi

import (
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// TestSlowReader ends a stream that nobody takes, and one that is taken by drops.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	for name, drop := range map[string]int{"nothing is read": 0, "a byte now and then": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{Deps: Deps{Patience: Patience{Window: 200 * time.Millisecond, BytesPerSecond: 1 << 20}}}
			ended := make(chan error, 1)
			e := gin.New()
			e.GET("/", func(c *gin.Context) {
				done := s.patiently(c)
				defer done()
				page := make([]byte, 32<<10)
				for {
					if _, err := c.Writer.Write(page); err != nil {
						ended <- err
						return
					}
				}
			})
			srv := httptest.NewServer(e)
			defer srv.Close()
			c, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for late := time.After(30 * time.Second); ; {
				select {
				case err := <-ended:
					if !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("%v", err)
					}
					return
				case <-tick.C:
					_, _ = c.Read(make([]byte, drop))
				case <-late:
					t.Fatal("the stream goes on")
				}
			}
		})
	}
}

// TestPace gives a full window again for each quota that has passed, and only for that.
func TestPace(t *testing.T) {
	t.Parallel()
	p := Patience{Window: 10 * time.Second, BytesPerSecond: 100}.begin()
	p.spent(999, 4*time.Second)
	if p.left != 6*time.Second {
		t.Errorf("%v left", p.left)
	}
	p.spent(1, time.Second)
	if p.left != 10*time.Second || p.bytes != 0 {
		t.Errorf("%v left", p.left)
	}
	p.spent(5000, 20*time.Second) // much at once is no credit for later
	if p.left != 10*time.Second {
		t.Errorf("%v left", p.left)
	}
	now := time.Now()
	if d := p.deadline(now, 500); d.Sub(now) != 15*time.Second {
		t.Errorf("a deadline in %v", d.Sub(now))
	}
	var none pace
	if !none.deadline(now, 1).IsZero() {
		t.Error("no window is a deadline")
	}
}
