// Command steps is what tests run in Jobs: each argument is one step, in order.
package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const usage = `steps: say TEXT | complain TEXT | lines COUNT | sleep SECONDS | variable NAME | cat FILE | outputs JSON | exit CODE`

func main() {
	for _, step := range os.Args[1:] {
		name, rest, _ := strings.Cut(step, " ")
		if err := run(name, rest); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func run(name, rest string) error {
	switch name {
	case "say":
		fmt.Println(rest)
	case "complain":
		fmt.Fprintln(os.Stderr, rest)
	case "lines":
		count, err := strconv.Atoi(rest)
		for i := 1; i <= count; i++ {
			fmt.Println("line", i)
		}
		return err
	case "sleep":
		seconds, err := strconv.ParseFloat(rest, 64)
		time.Sleep(time.Duration(seconds * float64(time.Second)))
		return err
	case "variable":
		fmt.Println(os.Getenv(rest))
	case "cat":
		text, err := os.ReadFile(rest)
		fmt.Println(string(text))
		return err
	case "outputs":
		return os.WriteFile(os.Getenv("AEGIR_OUTPUTS"), []byte(rest), 0o644)
	case "exit":
		code, err := strconv.Atoi(rest)
		if err == nil {
			os.Exit(code)
		}
		return err
	default:
		return fmt.Errorf("%q is no step\n%s", name, usage)
	}
	return nil
}
