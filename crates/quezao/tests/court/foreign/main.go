// Foreign checks cosignatures (C2SP tlog-cosignature, Ed25519) from their bytes, with Go's own crypto/ed25519:
//
//	foreign NOTE VKEY…
//
// It prints how many of the keys signed, and fails where a line of one of them does not verify.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
)

func main() {
	found := 0
	for _, vkey := range os.Args[2:] {
		signed, err := cosigned(os.Args[1], vkey)
		if err != nil {
			fmt.Fprintln(os.Stderr, vkey, err)
			os.Exit(1)
		}
		if signed {
			found++
		}
	}
	fmt.Println(found)
}

func cosigned(path, vkey string) (bool, error) {
	note, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	text, lines, _ := strings.Cut(string(note), "\n\n")
	parts := strings.SplitN(vkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || key[0] != 4 {
		return false, fmt.Errorf("no cosigner's key: %v", err)
	}
	id := sha256.Sum256([]byte(parts[0] + "\n" + string(key)))
	if fmt.Sprintf("%x", id[:4]) != parts[1] {
		return false, fmt.Errorf("its id is %x", id[:4])
	}
	for _, line := range strings.Split(strings.TrimSuffix(lines, "\n"), "\n") {
		name, encoded, _ := strings.Cut(strings.TrimPrefix(line, "— "), " ")
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return false, err
		}
		if name != parts[0] || string(signature[:4]) != string(id[:4]) {
			continue
		}
		at := binary.BigEndian.Uint64(signature[4:12])
		message := fmt.Sprintf("cosignature/v1\ntime %d\n%s\n", at, text)
		if !ed25519.Verify(key[1:], []byte(message), signature[12:]) {
			return false, fmt.Errorf("its signature does not verify")
		}
		return true, nil
	}
	return false, nil
}
