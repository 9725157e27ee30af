package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"time"

	"github.com/concord-gateway/concord/gateway/replay"
)

// bundleType is the media type of a policy bundle (RFC 6713).
const bundleType = "application/gzip"

// policyImpact says what a candidate bundle would change for past requests. It
// reads the sealed facts of the log, and is itself an entry of it first. Whoever
// is not of the host is told about the data of their own agency only.
func (s *server) policyImpact(c *call) (*reply, error) {
	o := replay.ImpactOptions{At: s.Clock().UTC().Truncate(time.Second)}
	if text := c.Query("live_from"); text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return nil, invalid("", "query-parameter", "The query parameter live_from must be a time as in RFC 3339.")
		}
		o.At = at.UTC()
	}
	if t, _, err := mime.ParseMediaType(c.Request.Header.Get("Content-Type")); err != nil || t != bundleType {
		return nil, invalid("", unsupported, "The body must be a policy bundle, "+bundleType+".")
	}
	raw, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return nil, unreadable(err)
	}
	if !c.rules().Policy.Host(c.principal.Agency) {
		o.Provider = c.principal.Agency
	}
	sum := sha256.Sum256(raw)
	if err := s.logReading(c, "verify-lawfulness", "bundle_sha256", hex.EncodeToString(sum[:])); err != nil {
		return nil, err
	}
	report, err := s.Impact(c.ctx(), raw, o)
	if err != nil {
		return nil, err
	}
	return &reply{body: report}, nil
}
