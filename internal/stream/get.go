package stream

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// getMessage reads one message from the leader of a stream. req is the request
// of the API: {"seq": n}, {"seq": n, "next_by_subj": s} for the first from n
// on, or {"last_by_subj": s}, where s may have wildcards. [ErrNotFound] when
// there is none.
func getMessage(ctx context.Context, c *Conn, stream string, req map[string]any) (data []byte, seq uint64, err error) {
	ctx, cancel := c.wait(ctx, apiTimeout)
	defer cancel()
	raw, err := json.Marshal(req)
	if err != nil {
		return nil, 0, err
	}
	answer, err := c.NC.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, raw)
	if err != nil {
		return nil, 0, why(ctx, err)
	}
	var body struct {
		Error   *jetstream.APIError `json:"error"`
		Message struct {
			Seq  uint64 `json:"seq"`
			Data []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(answer.Data, &body); err != nil {
		return nil, 0, fmt.Errorf("read the answer: %w", err)
	}
	if body.Error != nil {
		if body.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound {
			return nil, 0, ErrNotFound
		}
		return nil, 0, body.Error
	}
	return body.Message.Data, body.Message.Seq, nil
}
