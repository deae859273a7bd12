// A log that this project did not write: Tessera's POSIX driver, which publishes only what the named witness cosigned.
//
// tessera DIR: prints its address and its vkey, and is told on standard input its witness (URL VKEY); then each line of
// a number adds so many entries and is answered by the size of the published checkpoint, or by what went wrong.
package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func check[T any](value T, err error) T {
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	return value
}

func main() {
	ctx := context.Background()
	dir := os.Args[1]
	secret, public, err := note.GenerateKey(rand.Reader, "tessera.example/log")
	check(0, err)
	listener := check(net.Listen("tcp", "127.0.0.1:0"))
	go http.Serve(listener, http.FileServer(http.Dir(dir)))
	fmt.Println(listener.Addr(), public)

	lines := bufio.NewScanner(os.Stdin)
	lines.Scan()
	witnessURL, witnessKey, _ := strings.Cut(lines.Text(), " ")
	witness := check(tessera.NewWitness(witnessKey, check(url.Parse(witnessURL))))
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(check(note.NewSigner(secret))).
		WithBatching(256, 50*time.Millisecond).
		WithCheckpointInterval(100*time.Millisecond).
		WithWitnesses(tessera.NewWitnessGroup(1, witness), &tessera.WitnessOptions{Timeout: 10 * time.Second})
	driver := check(posix.New(ctx, posix.Config{Path: dir}))
	appender, _, reader, err := tessera.NewAppender(ctx, driver, options)
	check(0, err)
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 50*time.Millisecond)
	for entry := 0; lines.Scan(); {
		var count int
		check(fmt.Sscan(lines.Text(), &count))
		futures := make([]tessera.IndexFuture, count)
		for i := range futures {
			futures[i] = appender.Add(ctx, tessera.NewEntry([]byte(fmt.Sprintf("entry %d", entry))))
			entry++
		}
		var checkpoint []byte
		for _, future := range futures {
			_, published, err := awaiter.Await(ctx, future)
			check(0, err)
			checkpoint = published
		}
		fmt.Println(strings.Split(string(checkpoint), "\n")[1])
	}
}
