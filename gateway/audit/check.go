package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Codes of problems that are found in a log.
const (
	CodeUnreadable = "unreadable"     // a batch cannot be read at all
	CodeNumber     = "batch-number"   // a batch is missing or out of place
	CodeFirst      = "first-index"    // a batch does not begin where the last one ended
	CodeShape      = "batch-shape"    // counts within a batch do not fit
	CodeEntryHash  = "entry-hash"     // an entry is not what was hashed
	CodeEntryForm  = "entry-form"     // an entry is not a canonical entry
	CodeChain      = "provider-chain" // a provider's chain is broken
	CodeTips       = "tips"           // the ends of the chains are not what the batch says
	CodeRoot       = "root"           // the leaves do not give the root
	CodeSession    = "session"        // a session key is introduced without the log key's leave
	CodeKey        = "log-key"        // a log key is brought in without the old one's leave, or never was
	CodeHeads      = "heads"          // a heads entry does not commit to the ends of the chains
	CodeWriter     = "writer"         // a head is signed by a key that was never introduced
	CodeHead       = "head"           // a head is not signed, or says something else
	CodeExpired    = "expired"        // a head is signed after its session's end
	CodeCheckpoint = "checkpoint"     // a checkpoint is not signed by the log key
	CodeTruncated  = "truncated"      // the log is shorter than a checkpoint
	CodeProof      = "proof"          // an entry is not proven to be in the log
	CodeReceipt    = "receipt"        // a receipt promised what the log does not hold
	CodeWitness    = "witness"        // a checkpoint lacks the cosignatures of witnesses
	CodeFork       = "fork"           // the log differs from a checkpoint
)

// entryVersion is Entry.V, as it stands in the text.
const entryVersion = "1"

// problemsAtMost bounds how many problems are reported for one log.
const problemsAtMost = 100

// Problem is something that does not fit in a log.
type Problem struct {
	// Index is the entry that is damaged, or the first one that cannot be
	// relied on.
	Index int64 `json:"index"`
	// Batch is the number of the batch, or -1.
	Batch   int64  `json:"batch"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// checker checks batches one after the other, each against what came before.
// The tree is left to its user.
type checker struct {
	origin   string
	keys     keyLine
	sessions map[string]session
	next     int64
	size     int64
	tips     map[string]Tip
	// notify gets each problem.
	notify func(Problem)
	// heads is the size of the tree that the newest heads entry ends.
	heads int64
	// facts are those of the entries of the newest batch.
	facts []facts
	// strangers are the unknown writers that were reported.
	strangers map[string]bool
	// damaged is set while the chains cannot be followed through a batch; suspect
	// is then the first entry that is not what was hashed, or the batch's first.
	damaged bool
	suspect int64
}

func (c *checker) problemf(b *Batch, index int64, code, format string, args ...any) {
	c.notify(Problem{Index: index, Batch: b.N, Code: code, Message: fmt.Sprintf(format, args...)})
}

// batch checks everything about b except its root, and reports whether it stands
// where the batches before it end. What is wrong is reported once: afterwards the
// checker goes on from what b says.
func (c *checker) batch(b *Batch) (inPlace bool) {
	inPlace = c.place(b)
	if !inPlace || c.tips == nil {
		c.tips = map[string]Tip{}
	}
	shaped := c.shape(b)
	c.damaged, c.suspect = !inPlace || !shaped, b.First
	c.facts = inspect(b, c.facts)
	for i := range c.facts {
		c.entry(b, i)
	}
	switch {
	case c.damaged: // the chains cannot be followed through the damage
		c.tips = maps.Clone(b.Tips)
	case !maps.Equal(c.tips, b.Tips):
		c.problemf(b, b.First, CodeTips, "the ends of the providers' chains are not what batch %d says", b.N)
		c.tips = maps.Clone(b.Tips)
	}
	c.head(b)
	c.next, c.size = b.N+1, b.Size
	return inPlace && shaped
}

func (c *checker) place(b *Batch) bool {
	if b.N != c.next {
		c.problemf(b, min(c.size, b.First), CodeNumber, "batch %d stands where batch %d belongs", b.N, c.next)
		return false
	}
	if b.First != c.size {
		c.problemf(b, min(c.size, b.First), CodeFirst, "batch %d begins at entry %d, not %d", b.N, b.First, c.size)
		return false
	}
	return true
}

func (c *checker) shape(b *Batch) bool {
	n := len(b.Entries)
	private := len(b.Private) == 0 || len(b.Private) == n
	if n == 0 || len(b.Leaves) != n || !private || b.Size != b.First+int64(n) || len(b.Root) != tlog.HashSize {
		c.problemf(b, b.First, CodeShape, "the counts within batch %d do not fit", b.N)
		return false
	}
	return true
}

// entry checks entry i of b: its hash, its form, its place in the provider's
// chain, and the session key that it may introduce.
func (c *checker) entry(b *Batch, i int) {
	index, text, f := b.First+int64(i), b.Entries[i], &c.facts[i]
	if string(f.sum[:]) != string(b.Leaves[i]) {
		if !c.damaged {
			c.damaged, c.suspect = true, index
		}
		c.problemf(b, index, CodeEntryHash, "entry %d is not what was hashed into the log", index)
		return
	}
	if f.err != nil || f.version != entryVersion {
		c.problemf(b, index, CodeEntryForm, "entry %d is not a canonical entry", index)
		return
	}
	e := &f.chained
	c.chain(b, index, e, f.hash)
	switch e.action {
	case `"` + string(Admin) + `"`:
		c.introduce(b, index, text)
	case `"` + string(Heads) + `"`:
		if err := checkHeads(b, i, text, c.tips); err != nil && !c.damaged {
			c.problemf(b, index, CodeHeads, "entry %d: %v", index, err)
		}
		c.heads = b.Size
	}
}

// chain checks that an entry continues its provider's chain.
func (c *checker) chain(b *Batch, index int64, e *chained, hash string) {
	if e.provider == "" && e.prev == "" && e.seq == "" {
		return
	}
	provider := inside(e.provider)
	tip, known := c.tips[provider]
	if !known {
		provider = strings.Clone(provider) // which would keep the entry in memory
	}
	seq, err := strconv.ParseInt(e.seq, 10, 64)
	follows := err == nil && seq == tip.Seq+1 && (tip.Seq == 0 && e.prev == "" || tip.Seq > 0 && quotes(e.prev, tip.Hash))
	if !c.damaged && !follows {
		c.problemf(b, index, CodeChain, "entry %d does not continue its provider's chain at %d", index, tip.Seq+1)
	}
	c.tips[provider] = Tip{Seq: seq, Hash: hash}
}

// quotes reports whether value is the JSON string of text, which needs no escapes.
func quotes(value, text string) bool {
	n := len(value)
	return n == len(text)+2 && value[0] == '"' && value[n-1] == '"' && value[1:n-1] == text
}

// introduce takes in the session key that an entry introduces, if it does.
func (c *checker) introduce(b *Batch, index int64, text []byte) {
	var e Entry
	if err := json.Unmarshal(text, &e); err != nil {
		c.problemf(b, index, CodeEntryForm, "entry %d is not an entry", index)
		return
	}
	if err := c.keys.succeed(c.origin, index, &e); err != nil {
		c.problemf(b, index, CodeKey, "entry %d: %v", index, err)
		return
	}
	s, introduces, err := sessionOf(c.origin, &e, &c.keys)
	if err != nil {
		c.problemf(b, index, CodeSession, "entry %d: %v", index, err)
		return
	}
	if introduces {
		c.sessions[s.verifier.Name()] = s
	}
}

// head checks the signed head of b.
func (c *checker) head(b *Batch) {
	code, err := c.openHead(b)
	if err != nil {
		c.problemf(b, b.First, code, "batch %d: %v", b.N, err)
	}
}

func (c *checker) openHead(b *Batch) (code string, err error) {
	s, known := c.sessions[b.Writer]
	if !known && c.strangers[b.Writer] {
		return "", nil // reported with its first batch
	}
	if !known {
		if c.strangers == nil {
			c.strangers = map[string]bool{}
		}
		c.strangers[b.Writer] = true
		return CodeWriter, errors.New("the head is signed by a key that was never introduced")
	}
	n, err := openTree(b.Head, note.VerifierList(s.verifier))
	if err != nil {
		return CodeHead, errors.New("the head is not signed by the session that it names")
	}
	h, err := headOf(n)
	if err != nil {
		return CodeHead, err
	}
	digest, err := tipsDigest(b.Tips)
	if err != nil {
		return CodeHead, err
	}
	if n.origin != batchOrigin(c.origin) || n.size != b.Size || string(n.root[:]) != string(b.Root) ||
		h.batch != b.N || h.tips != digest {
		return CodeHead, errors.New("the head was signed for something else")
	}
	if h.time.After(s.expires) {
		return CodeExpired, errors.New("the head was signed after the end of its session")
	}
	return "", nil
}
