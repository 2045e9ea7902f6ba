package command

import (
	"context"
	"fmt"

	"causeway/queue"
)

// stuck says which lanes of the user are stuck, and to administrators how many there are in all.
func (c *Commands) stuck(ctx context.Context, in call) ([]string, error) {
	var lost []queue.LaneState
	for _, q := range c.queues() {
		lanes, err := q.Lanes(ctx)
		if err != nil {
			return nil, err
		}
		for _, l := range lanes {
			if queue.StandardPatience().Lost(l.Head) {
				lost = append(lost, l)
			}
		}
	}
	if len(lost) == 0 {
		return nil, nil
	}
	mine, err := c.belongings(ctx, in, false)
	if err != nil {
		return nil, err
	}
	var list []line
	for _, l := range lost {
		if mine.has(l.Queue, l.Lane) {
			list = append(list, line{l.Queue, l.Lane, laneText(l, false)})
		}
	}
	var text []string
	if len(list) > 0 {
		said, err := c.listText(ctx, mine, "Stuck", "", list)
		if err != nil {
			return nil, err
		}
		text = append(text, said)
	}
	if c.permit.IsAdmin(in.user) {
		text = append(text, fmt.Sprintf("Stuck lanes of the whole bridge: %d. Write \"queue all\" to see what waits.", len(lost)))
	}
	return text, nil
}
