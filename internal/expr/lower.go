package expr

import (
	"net/textproto"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// The functions that a formula calls without saying so. Nobody can write their
// names.
const (
	fnGet  = "@get"
	fnBool = "@bool"
	fnEq   = "@eq"
	fnNe   = "@ne"
	fnLt   = "@lt"
	fnLe   = "@le"
	fnGt   = "@gt"
	fnGe   = "@ge"
)

// ofPayload are the operators of CEL whose place another takes where an operand
// may be a value of the payload.
var ofPayload = map[string]string{
	operators.Equals: fnEq, operators.NotEquals: fnNe,
	operators.Less: fnLt, operators.LessEquals: fnLe, operators.Greater: fnGt, operators.GreaterEquals: fnGe,
}

// lowering rewrites a checked expression, so that CEL computes with payloads as
// documents are meant: what is not there is a value and no error, as a condition
// it does not hold, as a text it is empty, and functions that read the request
// are given it. The expression keeps its meaning wherever no value of a payload
// takes part.
type lowering struct {
	tree *ast.AST
	make ast.ExprFactory
	last int64 // id of an expression
}

func lower(tree *ast.AST) {
	l := &lowering{tree: tree, make: ast.NewExprFactory(), last: ast.MaxID(tree)}
	l.walk(tree.Expr())
}

// walk rewrites what is in x, and then x, in its place.
func (l *lowering) walk(x ast.Expr) {
	switch x.Kind() {
	case ast.SelectKind:
		s := x.AsSelect()
		l.walk(s.Operand())
		l.call(x, fnGet, s.Operand(), l.text(s.FieldName()))
	case ast.ListKind:
		for _, e := range x.AsList().Elements() {
			l.walk(e)
		}
	case ast.ComprehensionKind:
		c := x.AsComprehension()
		for _, part := range []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			l.walk(part)
		}
	case ast.CallKind:
		call := x.AsCall()
		if call.IsMemberFunction() {
			l.walk(call.Target())
		}
		for _, a := range call.Args() {
			l.walk(a)
		}
		l.callOf(x, call)
	}
}

// callOf rewrites a call whose operands were rewritten.
func (l *lowering) callOf(x ast.Expr, call ast.CallExpr) {
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.Index:
		l.call(x, fnGet, args...)
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		if l.open(args[0]) || l.open(args[1]) {
			l.call(x, ofPayload[name], args...)
		}
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional:
		conditions := args
		if name == operators.Conditional {
			conditions = args[:1]
		}
		for _, a := range conditions {
			if l.open(a) {
				l.wrap(a, fnBool, types.BoolType)
			}
		}
	case "startsWith", "endsWith", "contains", "matches":
		texts := args
		if call.IsMemberFunction() {
			texts = append([]ast.Expr{call.Target()}, args...)
		}
		for _, a := range texts {
			if l.open(a) {
				l.wrap(a, "text", types.StringType)
			}
		}
	case "header", "query", "deploys", "json":
		if name == "header" && args[0].Kind() == ast.LiteralKind {
			if s, ok := args[0].AsLiteral().(types.String); ok {
				args[0].SetKindCase(l.make.NewLiteral(args[0].ID(), types.String(textproto.CanonicalMIMEHeaderKey(string(s)))))
			}
		}
		l.call(x, "@"+name, l.request(), args[0])
	}
}

// open reports whether an expression may give a value of the payload.
func (l *lowering) open(x ast.Expr) bool {
	typ := l.tree.GetType(x.ID())
	return typ == nil || typ.Kind() == types.DynKind
}

// call puts a call in the place of x. It is of the type that x had.
func (l *lowering) call(x ast.Expr, function string, args ...ast.Expr) {
	x.SetKindCase(l.make.NewCall(x.ID(), function, args...))
	l.tree.SetReference(x.ID(), ast.NewFunctionReference(overloadOf(function)))
}

// wrap puts a call of a function on x in its place.
func (l *lowering) wrap(x ast.Expr, function string, typ *types.Type) {
	inner := l.make.CopyExpr(x)
	id := l.id()
	inner.RenumberIDs(func(old int64) int64 {
		if old == x.ID() {
			return id
		}
		return old
	})
	l.tree.SetType(id, l.tree.GetType(x.ID()))
	if ref, ok := l.tree.ReferenceMap()[x.ID()]; ok {
		l.tree.SetReference(id, ref)
	}
	l.call(x, function, inner)
	l.tree.SetType(x.ID(), typ)
}

func (l *lowering) text(s string) ast.Expr {
	x := l.make.NewLiteral(l.id(), types.String(s))
	l.tree.SetType(x.ID(), types.StringType)
	return x
}

func (l *lowering) request() ast.Expr {
	x := l.make.NewIdent(l.id(), varRequest)
	l.tree.SetType(x.ID(), types.DynType)
	l.tree.SetReference(x.ID(), ast.NewIdentReference(varRequest, nil))
	return x
}

func (l *lowering) id() int64 {
	l.last++
	return l.last
}
