package query

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/telltale-dev/telltale/internal/access"
	"github.com/telltale-dev/telltale/internal/store"
	"github.com/telltale-dev/telltale/internal/view"
	"github.com/telltale-dev/telltale/pkg/events"
)

func (s *Service) listSlots(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "env", "region", "component", "limit", "cursor")
	want := events.Slot{Env: p.name("env"), Region: p.name("region"), Component: p.name("component")}
	way := walk{listing: slots, limit: p.limit()}
	after := p.cursor(slots)
	if err := p.err(); err != nil {
		return err
	}
	prefix := prefixOf(want.Env, want.Region)
	if want.Env != "" && want.Region != "" {
		prefix += want.Component // the last part of a slot: behind it comes no "/"
	}
	page := view.List[view.SlotListed]{Items: []view.SlotListed{}}
	err := s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) error {
		known, err := s.known(rd)
		if err != nil {
			return err
		}
		return rd.Slots(prefix, startBehind(prefix, after), func(name string, slot view.Slot) (bool, error) {
			if !way.looksAt(name, len(page.Items)) {
				return false, nil
			}
			at, err := storedSlot(name)
			if err != nil || !matches(want, at) || !sees(caller, at) {
				return true, err
			}
			listed := slot.Listed(at, known.who(at))
			if slot.Follows {
				if listed.Unplaced, err = unplacedAt(rd, name); err != nil {
					return false, err
				}
			}
			page.Items = append(page.Items, listed)
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	page.Next = way.next
	return writeJSON(w, page)
}

// unplacedAt counts what waits for a name in a slot.
func unplacedAt(rd *store.Reader, slot string) (n int, err error) {
	err = rd.Unplaced(slot+"\x00", "", func(string, string, store.Event) (bool, error) {
		n++
		return n < maxScan, nil
	})
	return n, err
}

// getLandings lists what a slot has run, newest first.
func (s *Service) getLandings(w http.ResponseWriter, r *http.Request, caller access.Caller) error {
	p := parseParams(r, "limit", "cursor")
	limit := p.limit()
	end := p.mark()
	if err := p.err(); err != nil {
		return err
	}
	at, err := slotKey(r)
	if err != nil {
		return err
	}
	page := view.List[view.LandingBody]{Items: []view.LandingBody{}}
	err = s.snapshot(r.Context(), &page.ChangesAfter, func(rd *store.Reader) error {
		if _, err := rd.Slot(at); errors.Is(err, store.ErrNotFound) || !sees(caller, at) {
			return events.Errorf(events.CodeNotFound, "no event was heard of this slot").
				WithHint("slots are env/region/component; /v1/slots lists what there is")
		} else if err != nil {
			return err
		}
		landings, err := rd.Landings(at)
		if err != nil {
			return err
		}
		slices.Reverse(landings)
		landings = end.behind(landings)
		if len(landings) > limit {
			landings = landings[:limit]
			page.Next = encodeCursor(landed, markOf(landings, end).String())
		}
		for i := range landings {
			page.Items = append(page.Items, landings[i].Body())
		}
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(w, page)
}

// landingMark says how far someone has read a history, newest first: through
// the first seen landings of one instant. A landing has no key of its own, but
// its instant does not move when others come late.
type landingMark struct {
	tau  int64 // Unix nanoseconds
	seen int   // of those at tau; 0: nothing was read yet
}

// String returns the mark as a cursor holds it.
func (m landingMark) String() string { return fmt.Sprintf("%d/%d", m.tau, m.seen) }

// behind returns the landings, newest first, that come after the mark.
func (m landingMark) behind(landings []view.Landing) []view.Landing {
	if m.seen == 0 {
		return landings
	}
	same := 0
	for i, l := range landings {
		if l.Tau == m.tau {
			same++
		}
		if l.Tau < m.tau || l.Tau == m.tau && same > m.seen {
			return landings[i:]
		}
	}
	return nil
}

// markOf returns the mark at the end of a page that began behind before.
func markOf(page []view.Landing, before landingMark) landingMark {
	m := landingMark{tau: page[len(page)-1].Tau}
	for _, l := range page {
		if l.Tau == m.tau {
			m.seen++
		}
	}
	if before.tau == m.tau {
		m.seen += before.seen
	}
	return m
}

// mark returns the mark in the cursor, zero when there is none.
func (p *params) mark() (m landingMark) {
	c := p.cursor(landed)
	if c == "" {
		return m
	}
	tau, seen, _ := strings.Cut(c, "/")
	var err, err2 error
	m.tau, err = strconv.ParseInt(tau, 10, 64)
	m.seen, err2 = strconv.Atoi(seen)
	if err != nil || err2 != nil || m.seen < 1 {
		p.fail(events.CodeMalformed, "cursor is not one that this listing gave")
	}
	return m
}
