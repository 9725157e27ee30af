package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/concord-gateway/concord/gateway/fault"
)

// A heads entry is the last one before each checkpoint. It commits to the end of
// every provider's chain, each under a salt of its own: who is given one salt
// learns the end of that chain and nothing about the others, and can tell that
// nothing was cut off it. The commitments stand under labels that name the
// provider to whoever knows it, so that there is exactly one for each.

// headsRequest is Entry.RequestID of every heads entry, under which they are
// found.
func headsRequest(origin string) string { return origin + "/heads" }

// HeadsLabel is the name of a provider's commitment in Entry.Heads, in hex. It
// keeps providers who do not know of each other from reading each other's
// names; who guesses a name can confirm it.
func HeadsLabel(provider string) string {
	sum := sha256.Sum256([]byte("concord heads label v1\n" + provider))
	return hex.EncodeToString(sum[:])
}

// headsCommitment is SHA-256 over the salt and the canonical JSON of provider
// and tip, in hex.
func headsCommitment(salt []byte, provider string, tip Tip) (string, error) {
	text, err := Canonical(struct {
		Hash     string `json:"hash"`
		Provider string `json:"provider"`
		Seq      int64  `json:"seq"`
	}{tip.Hash, provider, tip.Seq})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(slices.Clone(salt), text...))
	return hex.EncodeToString(sum[:]), nil
}

// headsDraft is a heads entry that lacks the ends of the chains.
type headsDraft struct {
	entry   Entry
	private []byte
}

// headsOverhead and headsEach are more than a heads entry takes: at all, and for
// each provider.
const (
	headsOverhead = 2 << 10
	headsEach     = 2*sha256.Size*2 + 16
)

// placeHeads appends the heads entry to the batch, after everything else in it.
func (b *draftBatch) placeHeads(d *headsDraft) error {
	e := d.entry
	e.Heads = make(map[string]string, len(b.batch.Tips))
	b.batch.Salts = make(map[string]string, len(b.batch.Tips))
	for provider, tip := range b.batch.Tips {
		salt := make([]byte, sha256.Size)
		_, _ = rand.Read(salt) // never fails (documented)
		commitment, err := headsCommitment(salt, provider, tip)
		if err != nil {
			return err
		}
		e.Heads[HeadsLabel(provider)] = commitment
		b.batch.Salts[provider] = hex.EncodeToString(salt)
	}
	text, err := Canonical(e)
	if err != nil {
		return err
	}
	if len(text) > maxEntry {
		return fault.New(fault.TooLarge, "audit.Publish", "there are more providers than a heads entry holds")
	}
	b.place(&prepared{text: text, private: d.private, leaf: sha256.Sum256(text)})
	return nil
}

// errHeads are the ways in which a heads entry can be wrong.
var (
	errHeadsForm  = errors.New("its heads cannot be read")
	errHeadsLast  = errors.New("it is not the last of its batch")
	errHeadsWhose = errors.New("it does not commit to exactly one end of each provider's chain")
	errHeadsOpen  = errors.New("it commits to other ends of the providers' chains than the log has")
)

// checkHeads holds a heads entry, entry i of b, against the ends of the chains
// before it.
func checkHeads(b *Batch, i int, text []byte, tips map[string]Tip) error {
	var e struct {
		Heads map[string]string `json:"heads"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return errHeadsForm
	}
	if i != len(b.Entries)-1 {
		return errHeadsLast
	}
	if len(e.Heads) != len(tips) || len(b.Salts) != len(tips) {
		return errHeadsWhose
	}
	for provider, tip := range tips {
		commitment, ok := e.Heads[HeadsLabel(provider)]
		if !ok {
			return errHeadsWhose
		}
		salt, err := hex.DecodeString(b.Salts[provider])
		if err != nil || len(salt) != sha256.Size {
			return errHeadsOpen
		}
		if want, err := headsCommitment(salt, provider, tip); err != nil || want != commitment {
			return errHeadsOpen
		}
	}
	return nil
}

// Opening is what a provider is given to see that nothing was cut off its
// chain: the end of it, as the newest published heads entry commits to it.
type Opening struct {
	Provider string `json:"provider"`
	// Seq and Hash are the number and the hash (hex) of the provider's last
	// entry; 0 and "" while it has none.
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
	// Salt is the salt of the commitment, in hex; "" while there is none.
	Salt string `json:"salt"`
	// Index is the place of the heads entry, the last of the tree of
	// Checkpoint.
	Index int64 `json:"index"`
	// Entry is the heads entry, whose canonical JSON is hashed into the log.
	Entry Entry `json:"entry"`
	// Proof is the inclusion proof of the heads entry in the tree of
	// Checkpoint, each hash in base64.
	Proof []string `json:"proof"`
	// Checkpoint is the signed note.
	Checkpoint string `json:"checkpoint"`
}

// opening opens the heads entry that ends b for a provider.
func (b *Batch) opening(provider string) (Opening, error) {
	const op = "audit.Opening"
	index := b.Size - 1
	e, _, err := b.entry(index)
	if err != nil {
		return Opening{}, err
	}
	if e.Action != Heads {
		return Opening{}, fault.New(fault.Internal, op, "the published log does not end with a heads entry")
	}
	tip, salt := b.Tips[provider], b.Salts[provider]
	if _, committed := e.Heads[HeadsLabel(provider)]; committed != (tip.Seq > 0) || committed != (salt != "") {
		return Opening{}, fault.New(fault.Internal, op, "the heads entry cannot be opened")
	}
	return Opening{Provider: provider, Seq: tip.Seq, Hash: tip.Hash, Salt: salt, Index: index, Entry: e}, nil
}

// sameSalts reports whether a batch came back with the salts it was given.
func sameSalts(a, b map[string]string) bool { return len(a) == len(b) && maps.Equal(a, b) }
