package events

import (
	"bytes"
	"mime"
	"strings"
)

// Bounds of the data, strings in bytes of UTF-8. The JSON Schemas in schemas/
// give the same figures; where they count characters, they are the wider ones.
const (
	maxAttempt   = 1<<31 - 1
	maxWord      = 256  // versions, owners, names
	maxText      = 8192 // what people and tools write freely
	maxURL       = 2048
	maxRefs      = 16
	maxLabels    = 64
	maxLabelName = 128
	maxLabel     = 1024
	maxMembers   = 1000
	maxDepends   = 64
	maxNames     = 256 // regions, components and environments in one list
	maxDocument  = 64 << 10
)

// The checks that several types share.
var (
	shortText  = text(1, maxWord)
	maybeShort = text(0, maxWord)
	freeText   = text(0, maxText)
	saidText   = text(1, maxText)

	statusName    = str("is not [a-z][a-z0-9_]{0,62}", isStatus)
	attemptNumber = number(1, maxAttempt, true, "is not an integer from 1")
	webURL        = str("is not an http or https URL of at most 2048 bytes", isURL)
	opaqueID      = str("is not an opaque id: 1 to 256 printable ASCII characters without '@'", isActor)
	plainName     = str("is not [a-z0-9][a-z0-9_-]{0,62}", func(s []byte) bool { return isName(string(s)) })
	nameList      = list(0, maxNames, plainName)
	rolloutID     = str("is not [A-Za-z0-9][A-Za-z0-9._+-]{0,127} without the prefix \"run.\"",
		func(s []byte) bool { return checkRollout("", string(s)) == nil })
	refList = list(0, maxRefs, str("is not 1 to 256 bytes without control characters",
		func(s []byte) bool { return len(s) > 0 && len(s) <= maxWord && noControls(s) }))
)

// vocabulary holds every type that may come in, with the check of its data.
// Nothing writes to it.
var vocabulary = map[string]check{
	TypeReported: object(
		member{"status", true, statusName}, member{"attempt", false, attemptNumber},
		member{"version", false, maybeShort}, member{"release", false, rolloutID},
		member{"native", false, anyObject},
		member{"class", false, oneOf(string(ClassPermanent), string(ClassTransient), string(ClassEnvironmental))},
		member{"reason", false, freeText}, member{"message", false, freeText},
		member{"url", false, webURL}, member{"actor", false, opaqueID}, member{"owner", false, maybeShort},
		member{"artifact", false, object(member{"name", false, text(0, maxLabel)}, member{"digest", false, maybeShort})},
		member{"labels", false, dictionary(maxLabels, maxLabelName, text(0, maxLabel))},
		member{"refs", false, refList},
	),
	TypeProgressed: object(
		member{"attempt", false, attemptNumber},
		member{"percent", false, number(0, 100, false, "is not a number from 0 to 100")},
		member{"message", false, freeText}, member{"next_expected_by", false, timestamp},
		member{"refs", false, refList},
	),
	TypeEvidence: object(
		member{"kind", true, statusName},
		member{"verdict", true, oneOf(string(VerdictPass), string(VerdictFail), string(VerdictUnknown))},
		member{"attempt", false, attemptNumber}, member{"name", false, maybeShort},
		member{"url", false, webURL}, member{"actor", false, opaqueID},
		member{"details", false, anyObject}, member{"refs", false, refList},
	),
	TypeAnnotated: object(
		member{"kind", true, oneOf("root_cause", "comment", "link", "incident", "impact")},
		member{"text", false, freeText}, member{"url", false, webURL}, member{"actor", false, opaqueID},
	),
	TypeOverridden: object(
		member{"status", true, statusName}, member{"reason", true, saidText}, member{"actor", true, opaqueID},
		member{"expected_digest", false, maybeShort},
	),
	TypeObserved: object(
		member{"version", true, shortText},
		member{"health", false, oneOf("healthy", "degraded", "unknown")},
		member{"refs", false, refList},
	),
	TypeReleaseDeclared: object(
		member{"members", true, list(1, maxMembers, object(
			member{"region", true, plainName}, member{"component", true, plainName},
			member{"deployment", false, rolloutID},
			member{"depends_on", false, list(0, maxDepends, plainName)},
		))},
		member{"owner", false, maybeShort}, member{"ticket", false, maybeShort},
		member{"risk", false, maybeShort}, member{"impact", false, freeText},
	),
	TypeFreezeDeclared:      freeze,
	TypeFreezeLifted:        freeze,
	TypeAlertAcknowledged:   alertWord,
	TypeAlertUnacknowledged: alertWord,
	TypeAlertNoise:          alertWord,
	TypeSilenceCreated:      silenceWord,
	TypeSilenceExpired:      silenceWord,
	TypeDefinitionActivated: object(
		member{"kind", true, str("is not [A-Z][A-Za-z0-9]{0,62}", isKind)},
		member{"name", true, shortText}, member{"version", true, shortText},
		member{"digest", true, str("is not sha256:<64 hex digits>", isDigest)},
		member{"effective_from", false, timestamp}, member{"envs", false, nameList},
		member{"actor", true, opaqueID},
		member{"origin", false, object(member{"repo", false, text(0, maxURL)}, member{"commit", false, maybeShort})},
		member{"reason", false, freeText},
		member{"deprecated", false, object(
			member{"since", false, maybeShort}, member{"replaced_by", false, maybeShort}, member{"ends", false, maybeShort})},
		member{"document", true, text(1, maxDocument)},
	),
	TypeTick: object(member{"regions", true, nameList}, member{"closing", false, boolean}),
}

var (
	freeze = object(
		member{"name", true, shortText}, member{"from", true, timestamp}, member{"to", true, timestamp},
		member{"regions", false, nameList}, member{"components", false, nameList},
		member{"reason", false, freeText}, member{"actor", false, opaqueID},
	)
	alertWord = object(
		member{"alert", true, shortText}, member{"actor", true, opaqueID}, member{"reason", false, freeText},
	)
	silenceWord = object(
		member{"silence", true, shortText}, member{"actor", true, opaqueID}, member{"reason", false, freeText},
	)
)

// checkData holds the data against the check of its type, and then what spans
// several members.
func (e *Event) checkData(c check) error {
	if len(e.Data) == 0 {
		return Errorf(CodeSchema, "%s needs JSON data", e.Type)
	}
	if !isJSON(e.DataContentType) {
		return Errorf(CodeSchema, "%s needs datacontenttype application/json", e.Type)
	}
	s := scan(e.Data)
	problem := c(&s)
	switch {
	case s.bad, problem == "" && !s.end():
		return Errorf(CodeMalformed, "data %s", broken)
	case problem != "":
		return Errorf(CodeSchema, "%s", within("data", problem))
	}
	return e.checkAcross()
}

// isJSON reports whether a content type means JSON: none, application/json or
// a +json suffix, with any parameters.
func isJSON(contentType string) bool {
	if contentType == "" || contentType == "application/json" {
		return true
	}
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || t == "text/json" || strings.HasSuffix(t, "+json"))
}

func isStatus(s []byte) bool {
	if len(s) == 0 || len(s) > maxNameLen || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for _, c := range s[1:] {
		if !isLower(c) && c != '_' {
			return false
		}
	}
	return true
}

func isKind(s []byte) bool {
	if len(s) == 0 || len(s) > maxNameLen || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for _, c := range s[1:] {
		if !isAlnum(c) {
			return false
		}
	}
	return true
}

// isURL accepts printable ASCII with a host, as browsers would link to.
func isURL(s []byte) bool {
	if len(s) > maxURL || !printable(s) {
		return false
	}
	host, ok := bytes.CutPrefix(s, []byte("https://"))
	if !ok {
		host, ok = bytes.CutPrefix(s, []byte("http://"))
	}
	return ok && len(host) > 0 && !strings.ContainsRune("/?#", rune(host[0]))
}

func isActor(s []byte) bool {
	return len(s) > 0 && len(s) <= maxWord && printable(s) && bytes.IndexByte(s, '@') < 0
}

func isDigest(s []byte) bool {
	hex, ok := bytes.CutPrefix(s, []byte("sha256:"))
	if !ok || len(hex) != 64 {
		return false
	}
	for _, c := range hex {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
