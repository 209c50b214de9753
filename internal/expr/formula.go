package expr

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Formulas is the set of variables that the expressions of a mapping may read:
// body, ce, and what was added to it. It is immutable.
type Formulas struct {
	cel  *cel.Env
	vars []string
}

// The variables of every formula.
const (
	VarBody = "body" // what the tool sent
	VarCE   = "ce"   // the attributes of a CloudEvent
)

// NewFormulas returns the environment of a mapping's expressions.
func NewFormulas() (*Formulas, error) {
	opts := append(payloadFunctions(),
		cel.ParserExpressionSizeLimit(MaxSource),
		cel.ParserRecursionLimit(maxNesting),
		cel.ASTValidators(cel.ValidateRegexLiterals()),
		cel.CrossTypeNumericComparisons(true),
		cel.Variable(VarBody, cel.DynType),
		cel.Variable(VarCE, cel.DynType),
	)
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("expr: %w", err)
	}
	return &Formulas{cel: env, vars: []string{VarBody, VarCE}}, nil
}

// WithValue returns an environment with one more variable, whose values are of a
// payload. It fails when there is such a variable, or the name cannot be one.
func (e *Formulas) WithValue(name string) (*Formulas, error) { return e.with(name, cel.DynType) }

// With returns an environment with one more variable, whose values are those of
// a formula.
func (e *Formulas) With(name string, f *Formula) (*Formulas, error) { return e.with(name, f.typ) }

func (e *Formulas) with(name string, typ *cel.Type) (*Formulas, error) {
	if slices.Contains(e.vars, name) {
		return nil, fmt.Errorf("the variable %s is there already", name)
	}
	env, err := e.cel.Extend(cel.Variable(name, typ))
	if err != nil {
		return nil, fmt.Errorf("the variable %s: %w", name, err)
	}
	return &Formulas{cel: env, vars: append(slices.Clone(e.vars), name)}, nil
}

// Formula is a compiled expression over a payload.
type Formula struct {
	cel    cel.Program
	typ    *cel.Type
	source string
	loops  bool // its cost is counted
}

// Compile compiles an expression of any type. What is wrong with it comes back
// as [Faults]; so does a loop within a loop, whose cost no payload bounds.
func (e *Formulas) Compile(source string) (*Formula, error) {
	checked, err := parse(e.cel, source)
	if err != nil {
		return nil, err
	}
	tree := checked.NativeRep()
	in := inspection{tree: tree}
	in.look(tree.Expr(), 0)
	if len(in.faults) > 0 {
		return nil, sorted(in.faults)
	}
	f := &Formula{typ: checked.OutputType(), source: source, loops: in.loops}
	lower(tree)
	opts := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	if in.loops {
		opts = append(opts, cel.CostTracking(costs{}), cel.CostLimit(maxCost))
	}
	program, err := e.cel.Program(checked, opts...)
	if err != nil {
		return nil, Faults{{1, 1, err.Error()}}
	}
	f.cel = program
	return f, nil
}

// Condition compiles an expression that gives a bool, or a value of the payload
// that is one.
func (e *Formulas) Condition(source string) (*Formula, error) {
	f, err := e.Compile(source)
	if err != nil {
		return nil, err
	}
	if !f.typ.IsExactType(cel.BoolType) && !f.typ.IsExactType(cel.DynType) {
		return nil, Faults{{1, 1, fmt.Sprintf("the expression gives a %s, wanted a bool", f.typ)}}
	}
	return f, nil
}

// String returns the expression as it was written.
func (f *Formula) String() string { return f.source }

// inspection finds what a formula may not say.
type inspection struct {
	tree   *ast.AST
	faults Faults
	loops  bool
}

func (in *inspection) fault(at ast.Expr, format string, args ...any) {
	place := in.tree.SourceInfo().GetStartLocation(at.ID())
	in.faults = append(in.faults, Fault{max(place.Line(), 1), max(place.Column(), 0) + 1, fmt.Sprintf(format, args...)})
}

// look walks an expression that stands in so many loops.
func (in *inspection) look(x ast.Expr, loops int) {
	switch x.Kind() {
	case ast.LiteralKind:
		if x.AsLiteral() == types.NullValue {
			in.fault(x, "there is no null here: present(x) says whether a value is there")
		}
	case ast.SelectKind:
		if x.AsSelect().IsTestOnly() {
			in.fault(x, "there is no has() here: present(x) says whether a value is there")
		}
		in.look(x.AsSelect().Operand(), loops)
	case ast.CallKind:
		call := x.AsCall()
		if !slices.Contains(operatorsOfPayloads, call.FunctionName()) && !isPayloadFunction(call.FunctionName()) {
			in.fault(x, "%s is not available in a mapping", call.FunctionName())
		}
		if n := len(call.Args()); call.FunctionName() == "matches" && n > 0 && call.Args()[n-1].Kind() != ast.LiteralKind {
			in.fault(x, "the pattern of matches stands in the mapping: one of a payload has no bound")
		}
		if call.IsMemberFunction() {
			in.look(call.Target(), loops)
		}
		for _, a := range call.Args() {
			in.look(a, loops)
		}
	case ast.ListKind:
		for _, e := range x.AsList().Elements() {
			in.look(e, loops)
		}
	case ast.ComprehensionKind:
		c := x.AsComprehension()
		in.loops = true
		in.look(c.IterRange(), loops)
		if c.IterRange().Kind() != ast.ListKind {
			if loops++; loops > 1 {
				in.fault(x, "a loop within a loop has no bound: look elements up with cond, or name them one by one")
			}
		}
		in.look(c.LoopStep(), loops)
		in.look(c.LoopCondition(), loops)
		in.look(c.Result(), loops)
	case ast.MapKind:
		in.fault(x, "there are no maps here: their entries have no order")
	case ast.StructKind:
		in.fault(x, "no record can be made here")
	}
}

// Scope is what the formulas of one request are evaluated in, one after the other.
type Scope struct {
	// Header and Query return the first value of a header, by its name as Go
	// writes it, and of a query parameter, "" when there is none.
	Header, Query func(name string) string
	// Deploys reports whether a job was declared to deploy.
	Deploys func(job string) bool
	// Variable returns the value of a variable. An error is that of the formula.
	Variable func(name string) (Value, error)

	spent uint64 // what loops and json have cost until now
}

// work counts what is done for a request. It fails beyond what one may cost.
func (s *Scope) work(cost uint64) error {
	if s.spent += cost; s.spent > maxRequestCost {
		return errRequestCost
	}
	return nil
}

// Eval evaluates the formula. It fails when the evaluation does: a comparison of
// what is not there, a cost above the limit, of this formula or of all that were
// evaluated in the scope. The same request gives the same answers or the same
// failures.
func (f *Formula) Eval(s *Scope) (Value, error) {
	if f.loops && s.spent > maxRequestCost {
		return Value{}, errRequestCost
	}
	out, details, err := f.cel.Eval((*scope)(s))
	if cost := details.ActualCost(); cost != nil { // of one with a loop, also where it failed
		if over := s.work(*cost); err == nil {
			err = over
		}
	}
	if err != nil {
		return Value{}, err
	}
	return Value{out}, nil
}

// Holds evaluates a condition: what is not there does not hold.
func (f *Formula) Holds(s *Scope) (bool, error) {
	v, err := f.Eval(s)
	if err != nil {
		return false, err
	}
	switch b := v.val.(type) {
	case types.Bool:
		return bool(b), nil
	case absent:
		return false, nil
	}
	return false, fmt.Errorf("expr: the answer is a %s, no bool", v.val.Type().TypeName())
}

// scope shows a Scope to cel-go, which asks only for what it needs.
type scope Scope

// varRequest is the variable through which functions reach the request. Nobody
// can write its name.
const varRequest = "@request"

// ResolveName implements [cel.Activation].
func (s *scope) ResolveName(name string) (any, bool) {
	if name == varRequest {
		return (*request)(s), true
	}
	v, err := s.Variable(name)
	if err != nil {
		return types.WrapErr(err), true
	}
	return v.val, true
}

// Parent implements [cel.Activation].
func (s *scope) Parent() cel.Activation { return nil }

// Value is what a formula gave. The zero Value is not there.
type Value struct{ val ref.Val }
