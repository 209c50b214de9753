package expr

import (
	"math"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// TextValue returns a text as a value.
func TextValue(s string) Value { return Value{types.String(s)} }

// Text returns the value as text: numbers and booleans as JSON writes them, ""
// for what is not there, a list or an object.
func (v Value) Text() string { return textOf(v.val) }

// Texts returns a list's elements as texts, one text for any other value; the
// empty ones are left out.
func (v Value) Texts() []string {
	var all []string
	for _, e := range listOf(v.val) {
		if s := textOf(e); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// List returns the elements of a list; none of what is not there, and any other
// value as the only one.
func (v Value) List() []Value {
	vals := listOf(v.val)
	list := make([]Value, len(vals))
	for i, e := range vals {
		list[i] = Value{e}
	}
	return list
}

// Number returns what the value is as a number; false when it is none.
func (v Value) Number() (float64, bool) { return numberOf(v.val) }

// present reports whether a value is there: an empty text is, null is not.
func present(v ref.Val) bool {
	_, missing := v.(absent)
	return v != nil && !missing
}

func textOf(v ref.Val) string {
	switch x := v.(type) {
	case types.String:
		return string(x)
	case types.Int:
		return strconv.FormatInt(int64(x), 10)
	case types.Bool:
		return strconv.FormatBool(bool(x))
	case types.Double:
		if f := float64(x); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
	case *tree:
		text, _ := x.number()
		return text
	}
	return ""
}

func listOf(v ref.Val) []ref.Val {
	if !present(v) {
		return nil
	}
	switch x := v.(type) {
	case *tree:
		if x.node().kind == kindList {
			return elements(x)
		}
	case traits.Lister:
		n, ok := x.Size().(types.Int)
		list := make([]ref.Val, 0, n)
		for i := types.IntZero; ok && i < n; i++ {
			list = append(list, x.Get(i))
		}
		return list
	}
	return []ref.Val{v}
}

// elements returns the elements of a list of the payload, or the names of an
// object.
func elements(t *tree) []ref.Val {
	list := make([]ref.Val, 0, t.node().size)
	t.Fold((*collector)(&list))
	return list
}

// collector gathers what a fold shows.
type collector []ref.Val

// FoldEntry implements [traits.Folder].
func (c *collector) FoldEntry(_, value any) bool {
	*c = append(*c, value.(ref.Val))
	return true
}

// float returns what a number is as a float64.
func float(v ref.Val) (float64, bool) {
	switch x := v.(type) {
	case types.Int:
		return float64(x), true
	case types.Double:
		return float64(x), true
	case *tree:
		return x.float()
	}
	return 0, false
}

// numberOf is float for texts that are numbers too.
func numberOf(v ref.Val) (float64, bool) {
	if s, ok := v.(types.String); ok {
		f, err := strconv.ParseFloat(string(s), 64)
		return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
	}
	return float(v)
}

// equal says whether two values are the same, numbers by value.
func equal(l, r ref.Val) ref.Val {
	if !present(l) || !present(r) {
		return types.False
	}
	if a, ok := l.(types.Int); ok {
		if b, ok := r.(types.Int); ok {
			return types.Bool(a == b)
		}
	}
	if a, ok := float(l); ok {
		b, ok := float(r)
		return types.Bool(ok && a == b)
	}
	if _, ok := r.(*tree); ok {
		l, r = r, l
	}
	return l.Equal(r)
}

// compare orders two texts or two numbers; nothing else has an order.
func compare(l, r ref.Val) (int, error) {
	if a, ok := l.(types.String); ok {
		if b, ok := r.(types.String); ok {
			switch {
			case a < b:
				return -1, nil
			case a > b:
				return 1, nil
			}
			return 0, nil
		}
	}
	a, left := float(l)
	b, right := float(r)
	if !left || !right {
		return 0, &orderError{l, r}
	}
	switch {
	case a < b:
		return -1, nil
	case a > b:
		return 1, nil
	}
	return 0, nil
}

// orderError is a comparison of what has no order.
type orderError struct{ l, r ref.Val }

func (e *orderError) Error() string {
	return "a " + e.l.Type().TypeName() + " cannot be ordered against a " + e.r.Type().TypeName()
}

// Present reports whether the value is there. Null is not.
func (v Value) Present() bool { return present(v.val) }

// Member returns a member of an object; what is not there, of anything else.
func (v Value) Member(name string) Value { return Value{get(v.val, types.String(name))} }
