// Package expr compiles and runs the expressions of definitions: guards,
// policies, mappings. They are CEL, with what could make two runs differ taken
// away, so that an expression is a pure function of its variables (DESIGN §5).
//
//   - The length is checked before anything is parsed.
//   - A program has a cost limit and no time limit: a slow machine decides what
//     a fast one does.
//   - There are no maps, whose iteration has no order: a map comes as a list of
//     [Pair], sorted by key.
//   - Only the functions listed in this package may be called. None reads a
//     clock or a time zone, and none hides a type from the checker.
//
// All of it is immutable once built, and safe for concurrent use.
package expr

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// Limits of an expression.
const (
	// MaxSource is the longest expression, in bytes. cel-go's parser is not to be
	// trusted with more (CVE-2026-83530).
	MaxSource = 4 << 10
	// maxNesting is how deep the parser follows brackets.
	maxNesting = 64
	// maxCost bounds one evaluation, in units of CEL's cost model: some
	// milliseconds at most.
	maxCost = 100_000
)

// Env is the set of variables that expressions may read, each with its type.
type Env struct {
	cel  *cel.Env
	vars map[string]bool
}

// Var declares one variable, see [Text], [Int] and [Records].
type Var struct {
	name   string
	typ    *cel.Type
	record *cel.NativeTypeDesc // the element type of a list of records
}

// Text declares a variable whose values are strings.
func Text(name string) Var { return Var{name: name, typ: cel.StringType} }

// Int declares a variable whose values are int64.
func Int(name string) Var { return Var{name: name, typ: cel.IntType} }

// Records declares a variable whose values are []T. The exported fields of T
// are read under the names in their `cel` tags; expressions call the type by
// typeName.
func Records[T any](name, typeName string) Var {
	return Var{
		name: name, typ: cel.ListType(cel.ObjectType(typeName)),
		record: cel.NativeTypeFor[T](types.ParseStructTags(true), cel.NativeTypeAlias(typeName)),
	}
}

// Pair is an entry of what was a map.
type Pair struct {
	Key   string `cel:"key"`
	Value string `cel:"value"`
}

// Pairs declares a variable whose values are []Pair. Whoever fills it sorts it
// by key.
func Pairs(name string) Var { return Records[Pair](name, "pair") }

// NewEnv returns an environment of these variables. It fails when a name is
// declared twice, or cannot be a name. A field of a type that CEL does not have
// is not there for expressions.
func NewEnv(vars ...Var) (*Env, error) {
	opts := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(MaxSource),
		cel.ParserRecursionLimit(maxNesting),
		cel.ExtendedValidations(),
	}
	records, names := make(map[reflect.Type]bool), make(map[string]bool)
	for _, v := range vars {
		if names[v.name] {
			return nil, fmt.Errorf("expr: variable %s is declared twice", v.name)
		}
		names[v.name] = true
		if v.record != nil && !records[v.record.ReflectType()] {
			records[v.record.ReflectType()] = true
			opts = append(opts, cel.Types(v.record))
		}
		opts = append(opts, cel.Variable(v.name, v.typ))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("expr: %w", err)
	}
	return &Env{cel: env, vars: names}, nil
}

// Fault is one thing wrong with an expression, and where: line and column count
// from 1, in characters.
type Fault struct {
	Line, Column int
	Message      string
}

// Faults is all that is wrong with one expression, by place: the error of
// [Env.Compile].
type Faults []Fault

// Error lists the faults, one to a line, as "line:column: message".
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, x := range f {
		lines[i] = fmt.Sprintf("%d:%d: %s", x.Line, x.Column, x.Message)
	}
	return strings.Join(lines, "\n")
}

// Program is a compiled condition.
type Program struct {
	cel   cel.Program
	reads []string // sorted
}

// Compile compiles a condition. What is wrong with it comes back as [Faults].
func (e *Env) Compile(source string) (*Program, error) {
	checked, err := parse(e.cel, source)
	if err != nil {
		return nil, err
	}
	reads, faults := e.inspect(checked.NativeRep())
	if len(faults) > 0 {
		return nil, sorted(faults)
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, Faults{{1, 1, fmt.Sprintf("the expression gives a %s, wanted a bool", checked.OutputType())}}
	}
	program, err := e.cel.Program(checked, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, Faults{{1, 1, err.Error()}}
	}
	return &Program{cel: program, reads: reads}, nil
}

// parse reads an expression and checks its types. What is wrong with it comes
// back as [Faults].
func parse(env *cel.Env, source string) (*cel.Ast, error) {
	if len(source) > MaxSource {
		return nil, Faults{{1, 1, fmt.Sprintf("the expression has %d bytes, the limit is %d", len(source), MaxSource)}}
	}
	checked, issues := env.Compile(source)
	if issues.Err() == nil {
		return checked, nil
	}
	var faults Faults
	for _, err := range issues.Errors() {
		faults = append(faults, Fault{err.Location.Line(), err.Location.Column() + 1, err.Message})
	}
	return nil, sorted(faults)
}

func sorted(f Faults) Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f
}

// inspect lists the variables that an expression reads, and finds what it may
// not say.
func (e *Env) inspect(checked *ast.AST) (reads []string, faults Faults) {
	fault := func(at ast.Expr, message string) {
		place := checked.SourceInfo().GetStartLocation(at.ID())
		faults = append(faults, Fault{max(place.Line(), 1), max(place.Column(), 0) + 1, message})
	}
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.IdentKind:
			if name := x.AsIdent(); e.vars[name] {
				reads = append(reads, name)
			}
		case ast.CallKind:
			if name := x.AsCall().FunctionName(); !slices.Contains(functions, name) {
				fault(x, fmt.Sprintf("%s is not available: an expression calls only what gives the same answer everywhere", name))
			}
		case ast.MapKind:
			fault(x, "there are no maps here: their entries have no order")
		case ast.StructKind:
			fault(x, "no record can be made here")
		}
	}))
	slices.Sort(reads)
	return slices.Compact(reads), faults
}

// Reads lists the variables on which the answer may depend, sorted.
func (p *Program) Reads() []string { return slices.Clone(p.reads) }

// Vars gives the values of the variables: string, int64, or a slice of records
// as declared.
type Vars interface {
	// Value returns the value of a declared variable.
	Value(name string) any
}

// errNoBool says that a program gave something else; the checker excludes it.
var errNoBool = errors.New("expr: the answer is no bool")

// Holds evaluates the condition. It fails when the evaluation does: an index
// out of bounds, a division by zero, a cost above the limit. The same values
// give the same answer or the same failure.
func (p *Program) Holds(vars Vars) (bool, error) {
	out, _, err := p.cel.Eval(activation{vars})
	if err != nil {
		return false, err
	}
	holds, ok := out.Value().(bool)
	if !ok {
		return false, errNoBool
	}
	return holds, nil
}

// activation shows Vars to cel-go, which asks only for what it needs.
type activation struct{ vars Vars }

// ResolveName implements [cel.Activation].
func (a activation) ResolveName(name string) (any, bool) {
	v := a.vars.Value(name)
	return v, v != nil
}

// Parent implements [cel.Activation].
func (a activation) Parent() cel.Activation { return nil }
