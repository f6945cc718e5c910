// Command serve is what tests run in pods: a web server on port 8080, and small probes for Jobs and exec.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

const usage = `usage: serve                    answers every request with pod, address and $MESSAGE
       serve say TEXT
       serve write FILE TEXT
       serve cat FILE
       serve lookup NAME
       serve get URL            prints status and body
       serve eat MIB            takes so much memory`

var probes = map[string]struct {
	arguments int
	run       func(arguments []string) error
}{
	"say":    {1, func(a []string) error { _, err := fmt.Println(a[0]); return err }},
	"write":  {2, func(a []string) error { return os.WriteFile(a[0], []byte(a[1]), 0o644) }},
	"cat":    {1, cat},
	"lookup": {1, lookup},
	"get":    {1, get},
	"eat":    {1, eat},
}

func main() {
	if len(os.Args) == 1 {
		serve()
		return
	}
	probe, ok := probes[os.Args[1]]
	if !ok || len(os.Args)-2 != probe.arguments {
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	check(probe.run(os.Args[2:]))
}

func serve() {
	host, err := os.Hostname()
	check(err)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s%s %s\n", host, r.Host, r.URL.Path, os.Getenv("MESSAGE"))
	})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() { check(http.ListenAndServe(":8080", nil)) }()
	<-stop
}

func cat(arguments []string) error {
	content, err := os.ReadFile(arguments[0])
	if err == nil {
		_, err = os.Stdout.Write(content)
	}
	return err
}

func lookup(arguments []string) error {
	addresses, err := net.LookupHost(arguments[0])
	if err == nil {
		fmt.Println(addresses)
	}
	return err
}

func get(arguments []string) error {
	// A closed port drops what is sent to it: five seconds are an answer, too.
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(arguments[0])
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	fmt.Printf("%d %s", response.StatusCode, body)
	return err
}

func eat(arguments []string) error {
	size, err := strconv.Atoi(arguments[0])
	if err != nil {
		return err
	}
	// The kernel counts a page when something is written to it.
	memory := make([]byte, size<<20)
	for at := 0; at < len(memory); at += os.Getpagesize() {
		memory[at] = 1
	}
	fmt.Println(len(memory))
	return nil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
