package expr

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/telltale-dev/telltale/internal/glob"
	"github.com/telltale-dev/telltale/pkg/events"
)

// operatorsOfPayloads are the functions of CEL itself that a formula may call.
// Conversions are not among them: text and num say what becomes of what is not
// there.
var operatorsOfPayloads = []string{
	operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.NotStrictlyFalse, operators.Conditional,
	operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
	operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate,
	operators.In, operators.Index,
	"size", "contains", "startsWith", "endsWith", "matches",
}

// function is one that formulas may call. All of them take what is not there.
type function struct {
	name   string
	args   []*cel.Type
	result *cel.Type
	one    func(a ref.Val) ref.Val    // of one argument
	two    func(a, b ref.Val) ref.Val // of two
}

var (
	oneValue  = []*cel.Type{cel.DynType}
	twoValues = []*cel.Type{cel.DynType, cel.DynType}
	oneText   = []*cel.Type{cel.StringType}
)

// functionsOfPayloads lists them. docs/mappings.md says what each is for; a test
// holds the page against this list.
var functionsOfPayloads = []function{
	{"header", oneText, cel.StringType, nil, nil}, // see lower: these four become the ones below
	{"query", oneText, cel.StringType, nil, nil},
	{"deploys", oneValue, cel.BoolType, nil, nil},
	{"json", oneValue, cel.DynType, nil, nil},

	{"present", oneValue, cel.BoolType, func(a ref.Val) ref.Val { return types.Bool(present(a)) }, nil},
	{"text", oneValue, cel.StringType, textValue, nil},
	{"num", oneValue, cel.DoubleType, func(a ref.Val) ref.Val { f, _ := numberOf(a); return types.Double(f) }, nil},
	{"list", oneValue, cel.ListType(cel.DynType), func(a ref.Val) ref.Val { return listValue(listOf(a)) }, nil},
	{"first", []*cel.Type{cel.ListType(cel.DynType)}, cel.StringType, firstText, nil},

	{"gitref", twoValues, cel.StringType, nil, texts2(func(repo, sha string) string { return joined("git:", repository(repo), "@", sha) })},
	{"runref", twoValues, cel.StringType, nil, texts2(func(tool, id string) string { return joined("run:", tool, "/", id) })},
	{"ociref", oneValue, cel.StringType, texts(ImageDigest), nil},
	{"imagetag", oneValue, cel.StringType, texts(func(s string) string {
		return events.DeploymentID(events.Names{Images: []string{s}})
	}), nil},
	{"slug", oneValue, cel.StringType, texts(events.Slug), nil},
	{"short", oneValue, cel.StringType, texts(func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:6])
	}), nil},
	{"time", oneValue, cel.StringType, func(a ref.Val) ref.Val { return types.String(Value{a}.TimeText()) }, nil},
	{"before", twoValues, cel.BoolType, nil, func(a, b ref.Val) ref.Val {
		x, isTime := Value{a}.Time()
		y, also := Value{b}.Time()
		return types.Bool(isTime && also && x.Before(y))
	}},
	{"lower", oneValue, cel.StringType, texts(strings.ToLower), nil},
	{"cut", twoValues, cel.ListType(cel.StringType), nil, func(a, b ref.Val) ref.Val {
		before, after, _ := strings.Cut(textOf(a), textOf(b))
		return listValue([]ref.Val{types.String(before), types.String(after)})
	}},
	{"lastpart", twoValues, cel.StringType, nil, texts2(func(s, sep string) string {
		if i := strings.LastIndex(s, sep); i >= 0 && sep != "" {
			return s[i+len(sep):]
		}
		return s
	})},
	{"trimprefix", twoValues, cel.StringType, nil, texts2(strings.TrimPrefix)},
	{"join", twoValues, cel.StringType, nil, func(a, b ref.Val) ref.Val {
		return types.String(strings.Join(Value{a}.Texts(), textOf(b)))
	}},
	{"cond", twoValues, cel.DynType, nil, condition},
	{"globmatch", twoValues, cel.BoolType, nil, func(a, b ref.Val) ref.Val {
		return types.Bool(glob.Match(textOf(a), textOf(b)))
	}},
}

// hiddenFunctions are those that lowering writes.
var hiddenFunctions = []function{
	{"@header", twoValues, cel.StringType, nil, func(a, b ref.Val) ref.Val { return types.String(asked(a).Header(textOf(b))) }},
	{"@query", twoValues, cel.StringType, nil, func(a, b ref.Val) ref.Val { return types.String(asked(a).Query(textOf(b))) }},
	{"@deploys", twoValues, cel.BoolType, nil, func(a, b ref.Val) ref.Val { return types.Bool(asked(a).Deploys(textOf(b))) }},
	{"@json", twoValues, cel.DynType, nil, func(a, b ref.Val) ref.Val { return asked(a).json(b) }},

	{fnGet, twoValues, cel.DynType, nil, get},
	{fnBool, oneValue, cel.BoolType, func(a ref.Val) ref.Val {
		switch b := a.(type) {
		case types.Bool:
			return b
		case absent:
			return types.False
		}
		return types.NewErr("a %s is no condition", a.Type().TypeName())
	}, nil},
	{fnEq, twoValues, cel.BoolType, nil, equal},
	{fnNe, twoValues, cel.BoolType, nil, func(a, b ref.Val) ref.Val { return types.Bool(equal(a, b) != types.True) }},
	{fnLt, twoValues, cel.BoolType, nil, ordered(func(c int) bool { return c < 0 })},
	{fnLe, twoValues, cel.BoolType, nil, ordered(func(c int) bool { return c <= 0 })},
	{fnGt, twoValues, cel.BoolType, nil, ordered(func(c int) bool { return c > 0 })},
	{fnGe, twoValues, cel.BoolType, nil, ordered(func(c int) bool { return c >= 0 })},
}

// overloadOf is the name under which CEL knows what a function does.
func overloadOf(function string) string { return function + ofPayloads }

// ofPayloads ends the names of all overloads that are ours.
const ofPayloads = "_payload"

func payloadFunctions() []cel.EnvOption {
	var opts []cel.EnvOption
	for _, f := range slices.Concat(functionsOfPayloads, hiddenFunctions) {
		var binding cel.OverloadOpt
		switch {
		case f.one != nil:
			binding = cel.UnaryBinding(f.one)
		case f.two != nil:
			binding = cel.BinaryBinding(f.two)
		default:
			binding = cel.UnaryBinding(func(ref.Val) ref.Val { return types.NewErr("the call was not lowered") })
		}
		opts = append(opts, cel.Function(f.name, cel.Overload(overloadOf(f.name), f.args, f.result, binding)))
	}
	return opts
}

func isPayloadFunction(name string) bool {
	return slices.ContainsFunc(functionsOfPayloads, func(f function) bool { return f.name == name })
}

// texts makes a function of texts one of values.
func texts(of func(string) string) func(ref.Val) ref.Val {
	return func(a ref.Val) ref.Val { return types.String(of(textOf(a))) }
}

// texts2 is texts for two.
func texts2(of func(a, b string) string) func(a, b ref.Val) ref.Val {
	return func(a, b ref.Val) ref.Val { return types.String(of(textOf(a), textOf(b))) }
}

// ordered makes a function of an order one of values.
func ordered(holds func(c int) bool) func(a, b ref.Val) ref.Val {
	return func(a, b ref.Val) ref.Val {
		c, err := compare(a, b)
		if err != nil {
			return types.WrapErr(err)
		}
		return types.Bool(holds(c))
	}
}

func listValue(list []ref.Val) ref.Val { return types.NewRefValList(types.DefaultTypeAdapter, list) }

// textValue returns a value as text; one that is a text as it is, which takes no
// memory.
func textValue(v ref.Val) ref.Val {
	if s, ok := v.(types.String); ok {
		return s
	}
	return types.String(textOf(v))
}

// firstText returns the first text of a list that is not empty.
func firstText(list ref.Val) ref.Val {
	if l, ok := list.(traits.Lister); ok && list.Type() == types.ListType { // one that the mapping wrote: it need not be copied
		n, _ := l.Size().(types.Int)
		for i := types.IntZero; i < n; i++ {
			if e := l.Get(i); textOf(e) != "" {
				return textValue(e)
			}
		}
		return types.String("")
	}
	for _, e := range listOf(list) {
		if textOf(e) != "" {
			return textValue(e)
		}
	}
	return types.String("")
}

// joined puts two parts together, when both are there.
func joined(before, a, between, b string) string {
	if a == "" || b == "" {
		return ""
	}
	return before + a + between + b
}

// repository returns org/app of a Git remote, https://host/org/app.git,
// ssh://git@host/org/app or git@host:org/app.git, as package emitcli does; what
// is no remote is the name itself. "" is for one that cannot be read.
func repository(repo string) string {
	path := repo
	if strings.Contains(repo, "://") {
		u, err := url.Parse(repo)
		if err != nil {
			return "" // with what may be a password in it
		}
		path = u.Path
	} else if host, rest, ok := strings.Cut(repo, ":"); ok && !strings.Contains(host, "/") {
		path = rest
	}
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}

// ImageDigest returns "oci:sha256:…" for a digest, or an image reference that
// ends in one; "" for anything else.
func ImageDigest(s string) string {
	digest := s[strings.LastIndexByte(s, '@')+1:]
	sum, ok := strings.CutPrefix(digest, "sha256:")
	if !ok || len(sum) != 2*sha256.Size || !isHex(sum) {
		return ""
	}
	return "oci:" + strings.ToLower(digest)
}

// condition returns the first element of a list whose member "type" is the given
// text: the conditions of Kubernetes objects.
func condition(list, typ ref.Val) ref.Val {
	want := textOf(typ)
	for _, e := range listOf(list) {
		if textOf(get(e, types.String("type"))) == want {
			return e
		}
	}
	return absent{}
}

// FunctionNames returns the functions of mappings, beside those of CEL.
func FunctionNames() []string {
	names := make([]string, len(functionsOfPayloads))
	for i, f := range functionsOfPayloads {
		names[i] = f.name
	}
	return names
}
