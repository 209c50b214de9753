package expr

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// request is a Scope as a value, which functions are given that read more than
// their arguments.
type request Scope

// asked returns the request that a hidden function was given.
func asked(v ref.Val) *request {
	r, ok := v.(*request)
	if !ok {
		return &request{ // cannot be: only lowering writes these calls
			Header:  func(string) string { return "" },
			Query:   func(string) string { return "" },
			Deploys: func(string) bool { return false },
		}
	}
	return r
}

// json returns what a JSON text says, as strictly as a payload is read; what is
// none is not there. Anything but a text is what it says itself. Reading is work
// that the whole request has a bound for.
func (r *request) json(v ref.Val) ref.Val {
	text, ok := v.(types.String)
	if !ok {
		return v
	}
	if err := (*Scope)(r).work(1 + uint64(len(text))/bytesPerUnit); err != nil {
		return types.WrapErr(err)
	}
	p, err := ReadPayload(string(text))
	if err != nil {
		return absent{}
	}
	return p.value(0)
}

// ConvertToNative implements [ref.Val].
func (r *request) ConvertToNative(typ reflect.Type) (any, error) {
	return nil, fmt.Errorf("a request is no %s", typ)
}

// ConvertToType implements [ref.Val].
func (r *request) ConvertToType(ref.Type) ref.Val { return types.NewErr("a request is not converted") }

// Equal implements [ref.Val].
func (r *request) Equal(ref.Val) ref.Val { return types.False }

// Type implements [ref.Val].
func (r *request) Type() ref.Type { return absentType }

// Value implements [ref.Val].
func (r *request) Value() any { return r }
