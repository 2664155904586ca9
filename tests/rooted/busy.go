// busy - recursion, maps and garbage in Go, which keeps frame pointers and has no tables.
package main

import "fmt"

type tree struct{ left, right *tree }

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}

func (t *tree) count() int {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

func main() {
	seen := map[string]int{}
	for i := 0; ; i++ {
		seen[fmt.Sprint(i%1000)] += grow(14).count()
	}
}
