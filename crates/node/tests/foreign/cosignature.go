// Checks an Ed25519 cosignature (C2SP tlog-cosignature) with Go's own cryptography: VKEY TEXT LINE.
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
	vkey, text, line := strings.SplitN(os.Args[1], "+", 3), os.Args[2], strings.Split(os.Args[3], " ")
	key, err := base64.StdEncoding.DecodeString(vkey[2])
	if err != nil || key[0] != 4 {
		fmt.Println("no cosignature key")
		return
	}
	id := sha256.Sum256(append([]byte(vkey[0]+"\n"), key...))
	signature, err := base64.StdEncoding.DecodeString(line[2])
	if err != nil || len(signature) != 76 || line[1] != vkey[0] || string(signature[:4]) != string(id[:4]) {
		fmt.Println("no line of this key")
		return
	}
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(signature[4:12]), text)
	if !ed25519.Verify(key[1:], []byte(message), signature[12:]) {
		fmt.Println("does not verify")
		return
	}
	fmt.Println(vkey[0], "verified")
}
