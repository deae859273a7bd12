// Foreign reads a static ledger tree with clients that this project did not write, and fails if one of
// them disagrees: Go's own sumdb client (golang.org/x/mod) and the transparency-dev libraries.
//
//	foreign -vkey VKEY -ledger DIR/ledger [-sealed DIR/sealed] [-proofs FILE]
//
// Every entry's inclusion is proved from the tiles. Every sealed checkpoint must be a prefix of the
// published tree. The lines of FILE are proofs that our ledger made, checked by both clients:
//
//	inclusion INDEX SIZE HASH…
//	consistency OLD NEW HASH…
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	fmtlog "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	vkey := flag.String("vkey", "", "the log's verifier key")
	ledger := flag.String("ledger", "", "folder of the static tree")
	sealed := flag.String("sealed", "", "folder of sealed checkpoints")
	proofs := flag.String("proofs", "", "file with proofs that the ledger made")
	flag.Parse()
	if err := run(*vkey, *ledger, *sealed, *proofs); err != nil {
		fmt.Fprintln(os.Stderr, "foreign:", err)
		os.Exit(1)
	}
}

func run(vkey, ledger, sealed, proofs string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	tree, err := open(verifier, filepath.Join(ledger, "checkpoint"))
	if err != nil {
		return err
	}
	reader := tlog.TileHashReader(tree, tiles(ledger))
	if err := entries(ledger, tree, reader); err != nil {
		return err
	}
	prefixes, err := prefixes(verifier, sealed, tree, reader)
	if err != nil {
		return err
	}
	ours, err := check(proofs, reader)
	if err != nil {
		return err
	}
	fmt.Printf("size %d root %x entries %d sealed %d proofs %d\n", tree.N, tree.Hash[:], tree.N, prefixes, ours)
	return nil
}

// open reads a checkpoint with both clients.
func open(verifier note.Verifier, path string) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s: %w", path, err)
	}
	checkpoint, rest, _, err := fmtlog.ParseCheckpoint(data, verifier.Name(), verifier)
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(rest) != 0 || string(checkpoint.Marshal()) != opened.Text {
		return tlog.Tree{}, fmt.Errorf("%s: the two clients read different texts", path)
	}
	tree := tlog.Tree{N: int64(checkpoint.Size)}
	if copy(tree.Hash[:], checkpoint.Hash) != tlog.HashSize {
		return tlog.Tree{}, fmt.Errorf("%s: a root of %d bytes", path, len(checkpoint.Hash))
	}
	return tree, nil
}

// entries checks each entry's inclusion, its proof made from the tiles.
func entries(ledger string, tree tlog.Tree, reader tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 256 {
		width := min(256, tree.N-first)
		data, err := os.ReadFile(path(ledger, tlog.Tile{H: 8, L: -1, N: first / 256, W: int(width)}))
		if err != nil {
			return err
		}
		for i := first; i < first+width; i++ {
			if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
				return fmt.Errorf("entry %d: the bundle ends early", i)
			}
			length := int(binary.BigEndian.Uint16(data))
			leaf := data[2 : 2+length]
			data = data[2+length:]
			inclusion, err := tlog.ProveRecord(tree.N, i, reader)
			if err != nil {
				return fmt.Errorf("entry %d: %w", i, err)
			}
			if err := tlog.CheckRecord(inclusion, tree.N, tree.Hash, i, tlog.RecordHash(leaf)); err != nil {
				return fmt.Errorf("entry %d: %w", i, err)
			}
			hash := rfc6962.DefaultHasher.HashLeaf(leaf)
			err = proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), uint64(tree.N), hash, nodes(inclusion), tree.Hash[:])
			if err != nil {
				return fmt.Errorf("entry %d: %w", i, err)
			}
		}
		if len(data) != 0 {
			return fmt.Errorf("bundle %d: %d bytes behind its last entry", first/256, len(data))
		}
	}
	return nil
}

// prefixes checks that each sealed checkpoint is consistent with the published one.
func prefixes(verifier note.Verifier, dir string, tree tlog.Tree, reader tlog.HashReader) (int, error) {
	if dir == "" {
		return 0, nil
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		old, err := open(verifier, name)
		if err != nil {
			return 0, err
		}
		consistency, err := tlog.ProveTree(tree.N, old.N, reader)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		if err := tlog.CheckTree(consistency, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
	}
	return len(names), nil
}

// check verifies the proofs that our ledger made, with both clients.
func check(file string, reader tlog.HashReader) (int, error) {
	if file == "" {
		return 0, nil
	}
	opened, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer opened.Close()
	lines := bufio.NewScanner(opened)
	count := 0
	for ; lines.Scan(); count++ {
		if err := checkLine(lines.Text(), reader); err != nil {
			return 0, fmt.Errorf("%q: %w", lines.Text(), err)
		}
	}
	return count, lines.Err()
}

func checkLine(line string, reader tlog.HashReader) error {
	words := strings.Fields(line)
	if len(words) < 3 {
		return errors.New("too few words")
	}
	a, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return err
	}
	size, err := strconv.ParseInt(words[2], 10, 64)
	if err != nil {
		return err
	}
	var hashes []tlog.Hash
	for _, word := range words[3:] {
		raw, err := hex.DecodeString(word)
		if err != nil || len(raw) != tlog.HashSize {
			return errors.New("not a hash")
		}
		hashes = append(hashes, tlog.Hash(raw))
	}
	root, err := tlog.TreeHash(size, reader)
	if err != nil {
		return err
	}
	hasher := rfc6962.DefaultHasher
	switch words[0] {
	case "inclusion":
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, a)})
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(hashes, size, root, a, leaf[0]); err != nil {
			return err
		}
		return proof.VerifyInclusion(hasher, uint64(a), uint64(size), leaf[0][:], nodes(hashes), root[:])
	case "consistency":
		old, err := tlog.TreeHash(a, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(hashes, size, root, a, old); err != nil {
			return err
		}
		return proof.VerifyConsistency(hasher, uint64(a), uint64(size), nodes(hashes), old[:], root[:])
	}
	return errors.New("neither inclusion nor consistency")
}

func nodes(hashes []tlog.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

// path is where tlog-tiles puts a tile: as the Go checksum database, without the height.
func path(ledger string, tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), "tile/8/")
	return filepath.Join(ledger, "tile", strings.Replace(path, "data/", "entries/", 1))
}

// tiles reads a static tree from a folder.
type tiles string

func (tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(path(string(t), tile))
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}
