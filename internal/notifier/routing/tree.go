package routing

import (
	"time"

	"github.com/prometheus/alertmanager/pkg/labels"
)

// Tree says which routes an alert takes. It does not change and is safe for
// concurrent use.
type Tree struct {
	root *node
}

// node is one route with those below it.
type node struct {
	leaf     Leaf
	matchers labels.Matchers
	cont     bool // routes behind this one are asked too
	children []*node
}

// Leaf is where an alert comes to: a route that speaks for itself.
type Leaf struct {
	// Path is the route's key in the file, such as route.routes[2].
	Path string

	Receiver string
	HoldFor  time.Duration // 0: nobody has to wait

	// What will be used to tell several alerts together.
	GroupBy        []string // sorted; "..." alone for all labels
	GroupWait      time.Duration
	GroupInterval  time.Duration
	RepeatInterval time.Duration

	mute   []named // in which nobody is told
	active []named // outside which nobody is told; none: always
}

// Match returns the leaves of an alert with these labels, in the order in which
// the file has them; at least one.
//
// A label that is not there is "". A route speaks for itself when none of those
// below it matches.
func (t *Tree) Match(labels map[string]string) []Leaf { return t.root.match(labels) }

func (n *node) match(labels map[string]string) []Leaf {
	for _, m := range n.matchers {
		if !m.Matches(labels[m.Name]) {
			return nil
		}
	}
	var leaves []Leaf
	for _, child := range n.children {
		found := child.match(labels)
		leaves = append(leaves, found...)
		if len(found) > 0 && !child.cont {
			break
		}
	}
	if len(leaves) == 0 {
		leaves = append(leaves, n.leaf)
	}
	return leaves
}

// Node is one route of a tree, for people.
type Node struct {
	Depth    int    // 0 for the first route
	Matchers string // such as {severity="critical"}
	Continue bool
	Leaf
}

// Nodes returns all routes of the tree, each before those below it.
func (t *Tree) Nodes() []Node {
	var all []Node
	var walk func(n *node, depth int)
	walk = func(n *node, depth int) {
		all = append(all, Node{Depth: depth, Matchers: n.matchers.String(), Continue: n.cont, Leaf: n.leaf})
		for _, child := range n.children {
			walk(child, depth+1)
		}
	}
	walk(t.root, 0)
	return all
}
