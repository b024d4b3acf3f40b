// Verifies a log in a directory with golang.org/x/mod/sumdb/{note,tlog} alone,
// code that knows nothing of this program: checkpoint, every tile, every entry,
// and inclusion and consistency proofs for sizes and places all over the log.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height     = 8
	width      = 1 << height
	entryBytes = 92
	probes     = 900
)

type directory struct{ root string }

func (d directory) Height() int { return height }

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		// The path of C2SP tlog-tiles has no height.
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		data, err := os.ReadFile(filepath.Join(d.root, path))
		if err != nil {
			return nil, err
		}
		read = append(read, data)
	}
	return read, nil
}

func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func checkpoint(data []byte, verifier note.Verifier) tlog.Tree {
	signed, err := note.Open(data, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(signed.Text, "\n")
	if lines[0] != verifier.Name() {
		must(fmt.Errorf("another origin: %s", lines[0]))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	var hash tlog.Hash
	copy(hash[:], root)
	return tlog.Tree{N: size, Hash: hash}
}

func entriesOf(root string, number int64, count int) [][]byte {
	path := tlog.Tile{H: height, L: 0, N: number, W: count}.Path()
	path = strings.Replace(path, fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
	data, err := os.ReadFile(filepath.Join(root, path))
	must(err)
	var entries [][]byte
	for len(data) > 0 {
		length := int(binary.BigEndian.Uint16(data))
		if length != entryBytes {
			must(fmt.Errorf("bundle %d: an entry of %d bytes", number, length))
		}
		entries = append(entries, data[2:2+length])
		data = data[2+length:]
	}
	if len(entries) != count {
		must(fmt.Errorf("bundle %d: %d entries and not %d", number, len(entries), count))
	}
	return entries
}

func main() {
	root := os.Args[1]
	key, err := os.ReadFile(filepath.Join(root, "vkey"))
	must(err)
	verifier, err := note.NewVerifier(string(bytes.TrimSpace(key)))
	must(err)
	signed, err := os.ReadFile(filepath.Join(root, "checkpoint"))
	must(err)
	tree := checkpoint(signed, verifier)
	reader := tlog.TileHashReader(tree, directory{root})

	var leaves []tlog.Hash
	for first := int64(0); first < tree.N; first += width {
		count := min(width, int(tree.N-first))
		var indexes []int64
		for _, entry := range entriesOf(root, first/width, count) {
			indexes = append(indexes, tlog.StoredHashIndex(0, int64(len(leaves))))
			leaves = append(leaves, tlog.RecordHash(entry))
		}
		hashes, err := reader.ReadHashes(indexes)
		must(err)
		for at, hash := range hashes {
			if hash != leaves[first+int64(at)] {
				must(fmt.Errorf("entry %d is not the one of its tile", first+int64(at)))
			}
		}
	}
	proofs := 0
	step := max(tree.N/probes, 1)
	for at := int64(0); at < tree.N; at += step {
		record, err := tlog.ProveRecord(tree.N, at, reader)
		must(err)
		must(tlog.CheckRecord(record, tree.N, tree.Hash, at, leaves[at]))
		old, err := tlog.TreeHash(at+1, reader)
		must(err)
		proof, err := tlog.ProveTree(tree.N, at+1, reader)
		must(err)
		must(tlog.CheckTree(proof, tree.N, tree.Hash, at+1, old))
		proofs += 2
	}
	fmt.Printf("%d entries %d proofs\n", tree.N, proofs)
}
