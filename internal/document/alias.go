package document

import "github.com/goccy/go-yaml/ast"

// maxAliases bounds what aliases make of a document: each stands for at most the
// whole of it.
const maxAliases = 64

// Resolve puts what an anchor names in the place of its aliases, for the kinds
// whose documents may say a thing once. An alias within what an anchor names is a
// fault, so that none stands for more than was written.
func (r *Reader) Resolve(node ast.Node) ast.Node {
	a := aliases{r: r, anchors: make(map[string]ast.Node)}
	return a.walk(node, false)
}

type aliases struct {
	r       *Reader
	anchors map[string]ast.Node
	used    int
}

func (a *aliases) walk(node ast.Node, within bool) ast.Node {
	switch n := node.(type) {
	case *ast.AnchorNode:
		value := a.walk(n.Value, true)
		a.anchors[n.Name.GetToken().Value] = value
		return value
	case *ast.AliasNode:
		name := n.Value.GetToken()
		value, ok := a.anchors[name.Value]
		switch a.used++; {
		case !ok:
			a.r.Fault(name, "", "there is no anchor &%s above", name.Value)
		case within:
			a.r.Fault(name, "", "an alias stands within what an anchor names")
		case a.used > maxAliases:
			a.r.Fault(name, "", "has more than %d aliases", maxAliases)
		default:
			return value
		}
		return ast.Null(name)
	case *ast.MappingNode:
		for _, e := range n.Values {
			e.Value = a.walk(e.Value, within)
		}
	case *ast.MappingValueNode:
		n.Value = a.walk(n.Value, within)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			n.Values[i] = a.walk(v, within)
		}
	}
	return node
}
