//go:build !unix

package gateway

// lock does nothing where there are no advisory locks: see to it that one
// gateway uses a data folder.
func (g *Gateway) lock(string) error { return nil }
