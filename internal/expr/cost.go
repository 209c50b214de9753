package expr

import (
	"errors"
	"strings"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// maxRequestCost bounds what the loops of all formulas cost for one request,
// and what json reads: a rule with each evaluates its formulas a hundred times.
const maxRequestCost = 4 * maxCost

// errRequestCost is the failure of a formula beyond maxRequestCost.
var errRequestCost = errors.New("the request costs more than all its expressions together may")

// bytesPerUnit is how much text is handled for one unit of cost.
const bytesPerUnit = 16

// costs says what calls in loops cost that CEL takes to be the same for any
// values: those of payloads, by the elements and the text that they look at.
type costs struct{}

// CallCost implements cost.ActualCostEstimator. nil leaves it to CEL.
func (costs) CallCost(function, overload string, args []ref.Val, result ref.Val) *uint64 {
	cost := uint64(1)
	switch {
	case function == fnGet:
		// An element is walked to.
		if i, ok := args[1].(types.Int); ok && i > 0 {
			cost += uint64(i) / bytesPerUnit
		}
	case function == operators.In, strings.HasSuffix(overload, ofPayloads):
		for _, a := range args {
			cost += extent(a)
		}
		cost += extent(result)
	}
	if cost == 1 {
		return nil // as CEL has it
	}
	counted := cost // on the heap, which most calls need not be
	return &counted
}

// extent is what it costs to look at a value.
func extent(v ref.Val) uint64 {
	switch x := v.(type) {
	case types.String:
		return uint64(len(x)) / bytesPerUnit
	case *tree:
		return uint64(x.payload.after(x.at) - x.at)
	case traits.Lister:
		if n, ok := x.Size().(types.Int); ok {
			return uint64(n)
		}
	}
	return 0
}
