package expr

import (
	"fmt"
	"reflect"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// nodeTraits is what an expression may do with a value that is no CEL value.
const nodeTraits = traits.ContainerType | traits.IterableType | traits.SizerType

// The types under which values of a payload go in messages.
var (
	listType   = types.NewObjectType("list of the payload", nodeTraits)
	objectType = types.NewObjectType("object of the payload", nodeTraits)
	numberType = types.NewObjectType("number of the payload")
	absentType = types.NewObjectType("value that is not there", nodeTraits)
)

// tree is a value of a payload that is none of CEL's own: a list, an object, or
// an odd number.
type tree struct {
	payload *Payload
	at      int32
}

// manyTrees is how many are allocated at once.
const manyTrees = 16

// tree returns what stands for a node.
func (p *Payload) tree(at int32) *tree {
	if len(p.trees) == 0 {
		p.trees = make([]tree, manyTrees)
	}
	t := &p.trees[0]
	p.trees = p.trees[1:]
	t.payload, t.at = p, at
	return t
}

// node returns what the payload has there.
func (t *tree) node() *node { return &t.payload.nodes[t.at] }

// value returns a node as expressions handle it: strings, booleans and the usual
// integers as CEL's own, null as what is not there, the rest as a tree.
func (p *Payload) value(at int32) ref.Val {
	switch n := &p.nodes[at]; n.kind {
	case kindNull:
		return absent{}
	case kindFalse:
		return types.False
	case kindTrue:
		return types.True
	case kindText:
		return types.String(p.string(at))
	case kindNumber:
		if i, ok := integer(p.text[n.start:n.end]); ok {
			return types.Int(i)
		}
	}
	return p.tree(at)
}

// integer reads a number that is an integer and written as one, so that its text
// can be had from its value.
func integer(text string) (int64, bool) {
	if text == "-0" {
		return 0, false
	}
	i, err := strconv.ParseInt(text, 10, 64)
	return i, err == nil
}

// number returns the text of a number, false for a list or an object.
func (t *tree) number() (text string, ok bool) {
	n := t.node()
	if n.kind != kindNumber {
		return "", false
	}
	return t.payload.text[n.start:n.end], true
}

// float returns a number as a float64: infinite beyond its range.
func (t *tree) float() (float64, bool) {
	text, ok := t.number()
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return f, true // ErrRange: the scanner takes nothing else that is none
	}
	return f, true
}

// get is the value of a member of an object or an element of a list, absent for
// what is not there and of what has none.
func get(of, key ref.Val) ref.Val {
	t, ok := of.(*tree)
	if !ok {
		if l, ok := of.(traits.Lister); ok {
			if i, ok := key.(types.Int); ok && i >= 0 && i < l.Size().(types.Int) {
				return l.Get(key)
			}
		}
		return absent{}
	}
	found, ok := int32(0), false
	switch k := key.(type) {
	case types.String:
		if t.node().kind == kindObject {
			found, ok = t.payload.member(t.at, string(k))
		}
	case types.Int:
		if t.node().kind == kindList {
			found, ok = t.payload.element(t.at, int64(k))
		}
	}
	if !ok {
		return absent{}
	}
	return t.payload.value(found)
}

// ConvertToNative implements [ref.Val]: no Go type stands for a payload.
func (t *tree) ConvertToNative(typ reflect.Type) (any, error) {
	return nil, fmt.Errorf("a %s is no %s", t.Type().TypeName(), typ)
}

// ConvertToType implements [ref.Val]: no function converts a payload.
func (t *tree) ConvertToType(typ ref.Type) ref.Val {
	return types.NewErr("a %s is no %s", t.Type().TypeName(), typ.TypeName())
}

// Equal implements [ref.Val]: numbers by value, lists by their elements, objects
// only when they are the same.
func (t *tree) Equal(other ref.Val) ref.Val {
	switch t.node().kind {
	case kindNumber:
		a, _ := t.float()
		b, ok := float(other)
		return types.Bool(ok && a == b)
	case kindList:
		l, ok := other.(traits.Lister)
		if !ok || l.Size() != t.Size() || other.Type() == objectType {
			return types.False
		}
		at := t.at + 1
		for _, e := range listOf(other) {
			if equal(t.payload.value(at), e) != types.True {
				return types.False
			}
			at = t.payload.after(at)
		}
		return types.True
	}
	o, ok := other.(*tree)
	return types.Bool(ok && *o == *t)
}

// Type implements [ref.Val].
func (t *tree) Type() ref.Type {
	switch t.node().kind {
	case kindList:
		return listType
	case kindObject:
		return objectType
	}
	return numberType
}

// Value implements [ref.Val].
func (t *tree) Value() any { return t }

// Contains implements [traits.Container]: an element of a list, a name of an
// object.
func (t *tree) Contains(value ref.Val) ref.Val {
	n := t.node()
	if n.kind == kindObject {
		name, ok := value.(types.String)
		if ok {
			_, ok = t.payload.member(t.at, string(name))
		}
		return types.Bool(ok)
	}
	for i, at := int32(0), t.at+1; i < n.size; i++ {
		if equal(t.payload.value(at), value) == types.True {
			return types.True
		}
		at = t.payload.after(at)
	}
	return types.False
}

// Add implements [traits.Lister], which is not for payloads.
func (t *tree) Add(ref.Val) ref.Val { return types.NewErr("a payload cannot be added to") }

// Get implements [traits.Lister].
func (t *tree) Get(index ref.Val) ref.Val { return get(t, index) }

// Size implements [traits.Sizer].
func (t *tree) Size() ref.Val { return types.Int(t.node().size) }

// Fold implements [traits.Foldable]: the elements of a list, the names of an
// object, in the order of the payload.
func (t *tree) Fold(f traits.Folder) {
	n := t.node()
	for i, at := int32(0), t.at+1; i < n.size; i++ {
		if !f.FoldEntry(types.IntZero, t.payload.value(at)) {
			return
		}
		if n.kind == kindObject {
			at++ // to the value
		}
		at = t.payload.after(at)
	}
}

// Iterator implements [traits.Iterable]. Comprehensions call Fold.
func (t *tree) Iterator() traits.Iterator {
	return types.NewRefValList(types.DefaultTypeAdapter, elements(t)).Iterator()
}

// absent is what is not there, and null: equal to nothing, not even to itself,
// without members, elements or size.
type absent struct{}

// ConvertToNative implements [ref.Val].
func (absent) ConvertToNative(typ reflect.Type) (any, error) {
	return nil, fmt.Errorf("what is not there is no %s", typ)
}

// ConvertToType implements [ref.Val].
func (absent) ConvertToType(typ ref.Type) ref.Val {
	return types.NewErr("what is not there is no %s", typ.TypeName())
}

// Equal implements [ref.Val].
func (absent) Equal(ref.Val) ref.Val { return types.False }

// Type implements [ref.Val].
func (absent) Type() ref.Type { return absentType }

// Value implements [ref.Val].
func (absent) Value() any { return nil }

// Contains implements [traits.Container].
func (absent) Contains(ref.Val) ref.Val { return types.False }

// Add implements [traits.Lister].
func (absent) Add(ref.Val) ref.Val { return types.NewErr("what is not there cannot be added to") }

// Get implements [traits.Lister].
func (absent) Get(ref.Val) ref.Val { return absent{} }

// Size implements [traits.Sizer].
func (absent) Size() ref.Val { return types.IntZero }

// Fold implements [traits.Foldable].
func (absent) Fold(traits.Folder) {}

// Iterator implements [traits.Iterable].
func (absent) Iterator() traits.Iterator {
	return types.NewRefValList(types.DefaultTypeAdapter, nil).Iterator()
}
