package expr

import "cel.dev/cel-go/common/operators"

// functions are those that an expression may call, the operators among them.
// What is missing is missing for a reason: timestamp and duration lead to time
// zones, which differ between machines; dyn and type hide what the checker is
// for; bytes, float formatting and the like have no use here yet. The macros
// all, exists, exists_one, filter, map and has work on lists, whose order is
// given.
var functions = []string{
	operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.NotStrictlyFalse, operators.Conditional,
	operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
	operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate,
	operators.In, operators.Index,
	"size", "contains", "startsWith", "endsWith", "matches", "int", "string",
}
