package vault

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// Operator does what keys need from time to time, under the policy operator.hcl and
// not a gateway's: it never has a keyset in the clear. Gateways may run meanwhile:
// they read a keyset as it was or as it is, and both open.
type Operator struct{ ring *Ring }

// NewOperator logs in as an operator.
func NewOperator(ctx context.Context, o Options) (*Operator, error) {
	r, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &Operator{r}, nil
}

// Close revokes the token.
func (o *Operator) Close() error { return o.ring.Close() }

// Keyset is what an operator sees of a keyset.
type Keyset struct {
	// Name is that in KV, and Key the transit key that wraps it.
	Name, Key string
	// Version wraps it now; Newest is the newest there is.
	Version, Newest string
	// Destroyed: its transit key is gone, and so nothing opens it.
	Destroyed bool
	// Lost: its transit key is gone without a tombstone. That is an emergency.
	Lost bool
}

// Report counts keysets.
type Report struct {
	// Keysets are all, of which Destroyed nothing opens any more.
	Keysets, Destroyed int
	// Rewrapped were put under the newest version now, and Newest were before.
	Rewrapped, Newest int
	// Rotated are the transit keys that got a new version.
	Rotated int
}

// Status lists every keyset.
func (o *Operator) Status(ctx context.Context) ([]Keyset, error) {
	var all []Keyset
	err := o.each(ctx, func(k Keyset, _ *stored) error {
		all = append(all, k)
		return nil
	})
	return all, err
}

// Rewrap puts every keyset under the newest version of its transit key. It may be
// stopped and run again; what is done is done.
func (o *Operator) Rewrap(ctx context.Context) (Report, error) {
	var report Report
	err := o.each(ctx, func(k Keyset, s *stored) error {
		report.Keysets++
		switch {
		case k.Destroyed:
			report.Destroyed++
			return nil
		case k.Lost:
			return nil
		case k.Version == k.Newest:
			report.Newest++
			return nil
		}
		report.Rewrapped++
		return o.rewrap(ctx, k, s)
	})
	return report, err
}

// Rotate gives every transit key that wraps a keyset a new version, with which new
// keysets are wrapped from then on; those that are there are as they were until
// Rewrap.
func (o *Operator) Rotate(ctx context.Context) (Report, error) {
	var report Report
	done := map[string]bool{}
	err := o.each(ctx, func(k Keyset, _ *stored) error {
		report.Keysets++
		if k.Destroyed {
			report.Destroyed++
			return nil
		}
		if done[k.Key] || k.Lost {
			return nil
		}
		done[k.Key] = true
		_, err := o.ring.conn.write(ctx, o.ring.transit("keys", k.Key)+"/rotate", map[string]any{})
		if err == nil {
			report.Rotated++
		}
		return err
	})
	return report, err
}

// stored is a keyset's entry in KV, with its version there.
type stored struct {
	fields  map[string]any
	version json.Number
}

// each calls do with every keyset, in the order of their names. A keyset whose
// transit key is gone without a tombstone is an error, after all others.
func (o *Operator) each(ctx context.Context, do func(Keyset, *stored) error) error {
	const op = "vault.Operator"
	names, err := o.names(ctx, keysetsFolder)
	if err != nil {
		return unavailable(op, err)
	}
	tombstones, err := o.names(ctx, destroyedFolder)
	if err != nil {
		return unavailable(op, err)
	}
	var lost []error
	newest := map[string]string{}
	for _, name := range names {
		k, s, err := o.look(ctx, name, newest)
		if err != nil {
			return unavailable(op, err)
		}
		_, k.Destroyed = slices.BinarySearch(tombstones, k.Key)
		if k.Lost = k.Newest == "" && !k.Destroyed; k.Lost {
			lost = append(lost, fault.Wrap(fault.Unavailable, op, "the transit key of "+k.Name+" is gone", errNoWrap))
		}
		if err := do(k, s); err != nil {
			return errors.Join(unavailable(op, err), errors.Join(lost...))
		}
	}
	return errors.Join(lost...)
}

// names lists a folder of the KV mount, in order.
func (o *Operator) names(ctx context.Context, folder string) ([]string, error) {
	answer, err := o.ring.conn.list(ctx, o.ring.conn.opt.KV+"/metadata/"+folder)
	if err != nil || answer == nil {
		return nil, err
	}
	listed, ok := answer.Data["keys"].([]any)
	if !ok {
		return nil, errAnswer
	}
	var names []string
	for _, n := range listed {
		name, ok := n.(string)
		if !ok || strings.HasSuffix(name, "/") {
			return nil, errAnswer
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// look reads a keyset's entry and asks for the newest version of its transit key,
// once for each key.
func (o *Operator) look(ctx context.Context, name string, newest map[string]string) (Keyset, *stored, error) {
	k := Keyset{Name: name, Key: strings.TrimSuffix(strings.TrimSuffix(name, "."+string(primitive.Sealing)), "."+string(primitive.Hashing))}
	s, err := o.entry(ctx, name)
	if err != nil {
		return k, nil, err
	}
	k.Version = versionOf(text(s.fields, keysetField))
	if _, ok := newest[k.Key]; !ok {
		answer, err := o.ring.conn.read(ctx, o.ring.transit("keys", k.Key))
		if err != nil {
			return k, nil, err
		}
		newest[k.Key] = newestOf(answer)
	}
	k.Newest = newest[k.Key]
	return k, s, nil
}

func (o *Operator) entry(ctx context.Context, name string) (*stored, error) {
	answer, err := o.ring.conn.read(ctx, o.ring.conn.opt.KV+"/data/"+keysetsFolder+"/"+name)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, errLost
	}
	s := new(stored)
	var ok bool
	if s.fields, ok = answer.Data["data"].(map[string]any); !ok {
		return nil, errLost
	}
	metadata, _ := answer.Data["metadata"].(map[string]any)
	if s.version, ok = metadata["version"].(json.Number); !ok {
		return nil, errAnswer
	}
	return s, nil
}

// rewrap puts a keyset under the newest version. Whoever was faster did the same.
func (o *Operator) rewrap(ctx context.Context, k Keyset, s *stored) error {
	answer, err := o.ring.conn.write(ctx, o.ring.transit("rewrap", k.Key), map[string]any{"ciphertext": text(s.fields, keysetField)})
	if err != nil {
		return err
	}
	wrapped := field(answer, "ciphertext")
	if versionOf(wrapped) == "" {
		return errAnswer
	}
	fields := map[string]any{keysetField: wrapped, scopeField: s.fields[scopeField], useField: s.fields[useField]}
	_, err = o.ring.conn.write(ctx, o.ring.conn.opt.KV+"/data/"+keysetsFolder+"/"+k.Name,
		map[string]any{"options": map[string]any{"cas": s.version}, "data": fields})
	if err == nil {
		return nil
	}
	now, again := o.entry(ctx, k.Name)
	if again != nil || now.version == s.version {
		return errors.Join(err, again)
	}
	return nil
}

// versionOf is the version of the key that made a ciphertext: vault:v<version>:...
func versionOf(ciphertext string) string {
	rest, ok := strings.CutPrefix(ciphertext, "vault:v")
	version, _, found := strings.Cut(rest, ":")
	if !ok || !found {
		return ""
	}
	return version
}

// newestOf is the newest version in what Vault says of a transit key, or nothing.
func newestOf(s *api.Secret) string {
	if s == nil {
		return ""
	}
	version, _ := s.Data["latest_version"].(json.Number)
	return version.String()
}
