package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

func newQuarantineReplayCommand(env Env) *cobra.Command {
	r, c := &reader{env: env}, &chosen{}
	cmd := &cobra.Command{
		Use:   "replay SEQ…",
		Short: "Send entries through their door again, after what kept them out was mended",
		Long: `Replay sends entries through the door that they came by, with the headers and the
URL that they came with, in the name of who sent them. What cannot be used this
time either stays as it is, and the exit code is 1. To replay twice is safe: what
was taken before is a duplicate. It takes the role operate, and a server with
doors.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return replay(cmd.Context(), r, c, args) },
	}
	r.bind(cmd)
	c.bind(cmd)
	return cmd
}

func replay(ctx context.Context, r *reader, c *chosen, seqs []string) error {
	if (len(seqs) > 0) == c.any() {
		return usagef("name entries by their numbers, or choose them with --tool, --code or --from")
	}
	client, err := r.client()
	if err != nil {
		return err
	}
	if c.any() {
		query := c.query()
		query.Set("limit", strconv.Itoa(getPage))
		err := c.each(ctx, client, query, func(p page) error {
			for _, raw := range p.Items {
				var e quarantinedEntry
				if err := json.Unmarshal(raw, &e); err != nil {
					return fmt.Errorf("read an entry of the quarantine: %w", err)
				}
				seqs = append(seqs, strconv.FormatUint(e.Seq, 10))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	var answers []jsontext.Value
	stayed := 0
	for _, seq := range seqs {
		raw, err := client.Replay(ctx, seq)
		if err != nil {
			return err
		}
		answers = append(answers, raw)
		var a struct {
			Accepted    int `json:"accepted"`
			Duplicates  int `json:"duplicates"`
			Ignored     int `json:"ignored"`
			Quarantined []struct {
				Code   string `json:"code"`
				Detail string `json:"detail"`
				Value  string `json:"value"`
				Hint   string `json:"hint"`
			} `json:"quarantined"`
		}
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("read the answer about %s: %w", seq, err)
		}
		said := fmt.Sprintf("%s: %d accepted, %d duplicates, %d ignored", seq, a.Accepted, a.Duplicates, a.Ignored)
		if len(a.Quarantined) > 0 {
			stayed++
			why := a.Quarantined[0]
			said += ", stays in quarantine: " + why.Code + ": " + escape(why.Detail)
			if why.Value != "" {
				said += fmt.Sprintf(" (%q)", why.Value)
			}
			if why.Hint != "" {
				said += "; " + escape(why.Hint)
			}
		}
		if err := r.note("%s", said); err != nil {
			return err
		}
	}
	if r.asData() {
		raw, err := json.Marshal(struct {
			Items []jsontext.Value `json:"items"`
		}{append([]jsontext.Value{}, answers...)})
		if err != nil {
			return fmt.Errorf("write the answers: %w", err)
		}
		if err := r.document(raw); err != nil {
			return err
		}
	}
	if stayed > 0 {
		return &ExitError{Code: ExitFailure, Err: fmt.Errorf("%d of %d still cannot be used", stayed, len(seqs))}
	}
	return nil
}

func newQuarantineDropCommand(env Env) *cobra.Command {
	r, reason := &reader{env: env}, ""
	cmd := &cobra.Command{
		Use:   "drop SEQ… --reason WHY",
		Short: "Drop entries that nobody needs; why and by whom is recorded, the bytes are gone",
		Args:  cobra.MinimumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return drop(cmd.Context(), r, args, reason) },
	}
	r.bind(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why nothing in it is of use")
	return cmd
}

func drop(ctx context.Context, r *reader, seqs []string, reason string) error {
	if strings.TrimSpace(reason) == "" {
		return usagef("say why with --reason: it is all that will be left of it")
	}
	client, err := r.client()
	if err != nil {
		return err
	}
	for _, seq := range seqs {
		if _, err := client.Drop(ctx, seq, reason); err != nil {
			return err
		}
		if err := r.note("dropped %s", seq); err != nil {
			return err
		}
	}
	return nil
}

// Replay sends an entry of the quarantine through its door again and returns
// what came of it. Errors are those of [Client.Get], and 5 when nobody took it
// and to try again may help.
func (c *Client) Replay(ctx context.Context, seq string) (jsontext.Value, error) {
	return c.conclude(ctx, http.MethodPost, seq, "replay", nil, http.StatusAccepted)
}

// Drop deletes an entry of the quarantine and records why. Errors are those of
// [Client.Replay].
func (c *Client) Drop(ctx context.Context, seq, reason string) (jsontext.Value, error) {
	return c.conclude(ctx, http.MethodDelete, seq, "", url.Values{"reason": {reason}}, http.StatusOK)
}

func (c *Client) conclude(ctx context.Context, method, seq, verb string, query url.Values, want int) (jsontext.Value, error) {
	if _, err := strconv.ParseUint(seq, 10, 64); err != nil {
		return nil, usagef("%s is no sequence number of the quarantine", escape(seq))
	}
	u := c.base.JoinPath("/v1/quarantine", seq, verb)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), http.NoBody)
	if err != nil {
		return nil, usagef("no such resource: %s", escape(seq))
	}
	raw, err := c.do(req, want)
	if err != nil {
		return nil, untaken(err)
	}
	return raw, nil
}
