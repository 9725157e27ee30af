package edge

import (
	"bytes"
	"crypto/tls"
	"net"
	"sync/atomic"
)

// listener hands out connections that are encrypted, where TLS is configured.
type listener struct {
	net.Listener

	tls *tls.Config
}

// Accept waits for the next connection. The handshake comes with the first read, under
// the time-out of the header.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if l.tls != nil {
		c = tls.Server(c, l.tls)
	}
	return &conn{Conn: c}, nil
}

// conn is a connection that completes what net/http answers by itself.
type conn struct {
	net.Conn

	// answering says that a handler has been asked, whose answer has all its headers.
	answering atomic.Bool
}

// alike are the headers that every answer has.
const alike = "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff"

// Write writes, with the headers that an answer lacks which no handler has made:
// net/http writes such a one, to what it cannot read as a request, in one piece.
func (c *conn) Write(p []byte) (int, error) {
	if c.answering.Load() || !bytes.HasPrefix(p, []byte("HTTP/1.")) {
		return c.Conn.Write(p)
	}
	status, rest, ok := bytes.Cut(p, []byte("\r\n"))
	if !ok {
		return c.Conn.Write(p)
	}
	whole := bytes.Join([][]byte{status, []byte(alike), []byte("\r\n"), rest}, nil)
	n, err := c.Conn.Write(whole)
	return min(n, len(p)), err
}

// CloseWrite ends one direction, so that the other side can still read what was said.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// state is what is known of the handshake; nil without TLS.
func (c *conn) state() *tls.ConnectionState {
	encrypted, ok := c.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	s := encrypted.ConnectionState()
	return &s
}
