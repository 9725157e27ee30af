package mongo

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

const zlib = "zlib"

// link is what a connection string says, of what matters here.
type link struct {
	hosts       []string
	tls         bool
	insecure    bool
	compressors []string
	concern     *writeconcern.WriteConcern
}

func linkOf(o *options.ClientOptions) link {
	return link{
		hosts: o.Hosts, tls: o.TLSConfig != nil, insecure: o.TLSConfig != nil && o.TLSConfig.InsecureSkipVerify,
		compressors: o.Compressors, concern: o.WriteConcern,
	}
}

// objections looks at the connection. The write concern of the string is not used,
// but who writes one expects something else than what the log needs.
func (l *link) objections(object func(weight, string)) {
	remote := slices.ContainsFunc(l.hosts, func(host string) bool { return !loopback(host) })
	if remote && !l.tls {
		object(weak, "the connection is not encrypted (tls=true)")
	}
	if remote && l.insecure {
		object(weak, "the connection takes any certificate (tlsInsecure)")
	}
	if slices.Contains(l.compressors, zlib) {
		object(weak, "the connection string asks for zlib, in which servers leaked memory")
	}
	if c := l.concern; c != nil {
		if c.W != nil && c.W != writeconcern.WCMajority {
			object(weak, fmt.Sprintf("the connection string has the write concern w=%v, which is not majority", c.W))
		}
		if c.Journal != nil && !*c.Journal {
			object(weak, "the connection string has the write concern journal=false")
		}
	}
}

// loopback reports whether an address, with or without its port, stays on this
// machine.
func loopback(address string) bool {
	if strings.HasSuffix(address, ".sock") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.Trim(address, "[]")
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// server looks at what the server is.
func (s *seen) server(object func(weight, string)) {
	if s.hello.SetName == "" && s.hello.Msg != "isdbgrid" {
		object(weak, "the server is alone, no member of a replica set or sharded cluster: what it acknowledged goes with its disk")
	}
	if s.build.other() {
		return
	}
	if !fixed(s.build.Version) {
		object(weak, "MongoDB "+s.build.Version+" lacks security fixes: want 7.0.28, 8.0.17 or 8.2.3 at least")
	}
	if slices.Contains(s.hello.Compression, zlib) {
		object(weak, "the server offers zlib: leave it out of net.compression.compressors")
	}
}

// fixed reports whether a version of MongoDB has the fixes of December 2025, above
// all that of CVE-2025-14847 (memory read through zlib without authentication).
// The series in between ended before them.
func fixed(version string) bool {
	numbers := strings.SplitN(version, ".", 3)
	const parts = 3
	if len(numbers) != parts {
		return false
	}
	var v [parts]int
	for i, text := range numbers {
		text, _, _ = strings.Cut(text, "-")
		n, err := strconv.Atoi(text)
		if err != nil {
			return false
		}
		v[i] = n
	}
	switch {
	case strings.Contains(version, "-"): // a candidate comes before what it is a candidate for
		return v[0] > 8 || v[0] == 8 && v[1] > 2
	case v[0] == 7:
		return v[1] == 0 && v[2] >= 28
	case v[0] == 8 && v[1] == 0:
		return v[2] >= 17
	case v[0] == 8 && v[1] <= 2:
		return v[1] == 2 && v[2] >= 3
	default:
		return v[0] >= 8
	}
}
