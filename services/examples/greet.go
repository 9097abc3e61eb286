// greet.go - a service that has a conversation, in Go. It answers each line; standard input and standard output are the
// client. Build it with `go build greet.go`, and try it with no server at all: ./greet
//
// os.Stdout has no buffer, so each Fprintf leaves at once. Go programs are linked statically and have threads: `warm`
// is not for them, and they start fast.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

const lineMax = 1000 // a client decides how long its lines are: never without a bound

func client() string {
	if address := os.Getenv("REMOTE_ADDR"); address != "" {
		return address
	}
	return "this machine"
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, lineMax), lineMax)
	for lines.Scan() {
		line := strings.TrimSuffix(lines.Text(), "\r")
		var err error
		switch {
		case strings.HasPrefix(line, "hello "):
			_, err = fmt.Fprintf(os.Stdout, "Hello %.100s, you come from %s.\r\n", line[6:], client())
		case line == "quit":
			fmt.Fprint(os.Stdout, "Bye.\r\n")
			fmt.Fprintln(os.Stderr, "somebody was polite") // this goes to the log, not to the client
			return
		default:
			_, err = fmt.Fprint(os.Stdout, "Say: hello NAME, or quit\r\n")
		}
		if err != nil {
			return // the client has gone
		}
	}
}
