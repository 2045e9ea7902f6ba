package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"causeway/crashpoint"
)

// Scenario is a way in which things go wrong while people talk.
type Scenario struct {
	Name string
	// Play makes things go wrong for a while, and leaves all well but, perhaps, the bridge killed.
	Play func(ctx context.Context, a *Act) error
}

// Act is a scenario being played.
type Act struct {
	world  *world
	stage  *stage
	chance *rand.Rand
	kills  int
}

// pause lets time pass.
func (a *Act) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// longestLife is the most that the bridge lives between two random kills. It includes its start.
const longestLife = 2 * time.Second

// RandomKills kills the bridge at random moments, its start included, and starts it again at once.
func RandomKills(kills int) Scenario {
	return Scenario{Name: "killed at random", Play: func(ctx context.Context, a *Act) error {
		for range kills {
			if !a.world.bridge.running() {
				if err := a.world.bridge.start(""); err != nil {
					return err
				}
			}
			if err := a.pause(ctx, time.Duration(a.chance.Int64N(int64(longestLife)))); err != nil {
				return err
			}
			if !a.world.bridge.kill() {
				return fmt.Errorf("the bridge ended by itself: %w", a.world.bridge.process.Err())
			}
			a.kills++
		}
		return nil
	}}
}

// reachTime is how long the bridge may take to come to a point.
const reachTime = 30 * time.Second

// warmUp is how long the bridge may make the first rooms before it is killed.
const warmUp = 2 * time.Second

// passes bounds at which passing of a point the bridge is killed.
const passes = 20

// AimedKills lets the bridge kill itself at a point of its code, a number of times.
func AimedKills(point string, kills int) Scenario {
	return Scenario{Name: "killed at " + point, Play: func(ctx context.Context, a *Act) error {
		b := a.world.bridge
		if point != crashpoint.RoomCreated {
			if err := a.pause(ctx, warmUp); err != nil {
				return err
			}
		}
		if err := b.stop(); err != nil {
			return err
		}
		for range kills {
			nth := 1 + a.chance.IntN(passes)
			if point == crashpoint.RoomCreated {
				if nth = 1; a.kills > 0 {
					if err := a.stage.addDirect(); err != nil {
						return err
					}
				}
			}
			if err := b.start(fmt.Sprintf("%s:%d", point, nth)); err != nil {
				return err
			}
			select {
			case <-b.process.Done():
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(reachTime):
				return fmt.Errorf("the bridge did not come to %s %d times in %s", point, nth, reachTime)
			}
			if err := b.process.Err(); err == nil || err.Error() != "signal: killed" {
				return fmt.Errorf("the bridge ended by itself (%w)", err)
			}
			a.kills++
		}
		return nil
	}}
}

// Scenarios are those of make crash on one database.
func Scenarios(kills, aimed int) []Scenario {
	list := []Scenario{RandomKills(kills)}
	for _, point := range crashpoint.Points() {
		list = append(list, AimedKills(point, aimed))
	}
	return list
}
