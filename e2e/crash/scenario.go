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
	// problems are sentences on what was seen meanwhile that should not be.
	problems []string
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
const reachTime = 2 * time.Minute

// warmUp is how long the bridge may make the first rooms before it is killed.
const warmUp = 2 * time.Second

// passes bounds at which passing of a point the bridge is killed.
const passes = 20

// AimedKills lets the bridge kill itself a number of times at each of some points of its code.
func AimedKills(kills int, points ...string) Scenario {
	name := "killed at each point"
	if len(points) == 1 {
		name = "killed at " + points[0]
	}
	return Scenario{Name: name, Play: func(ctx context.Context, a *Act) error {
		if err := a.world.bridge.ensure(ctx); err != nil {
			return err
		}
		if err := a.pause(ctx, warmUp); err != nil {
			return err
		}
		if err := a.world.bridge.stop(); err != nil {
			return err
		}
		for i := range kills * len(points) {
			if err := a.aim(ctx, points[i%len(points)]); err != nil {
				return err
			}
		}
		return nil
	}}
}

// aim starts the bridge, which is to end by itself when it passes a point.
func (a *Act) aim(ctx context.Context, point string) error {
	nth := 1 + a.chance.IntN(passes)
	switch point {
	case crashpoint.MatrixUploaded, crashpoint.WhatsAppUploaded:
		nth = 1 + nth/fileShare // files are that much rarer
	case crashpoint.RoomCreated:
		nth = 1
		if err := a.stage.addDirect(); err != nil {
			return err
		}
	}
	b := a.world.bridge
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
	return nil
}

// longOutageMessages is how many messages arrive from WhatsApp during the long outage of make crash.
const longOutageMessages = 6000

// Scenarios are those of make crash on one database.
func Scenarios(kills, aimed int) []Scenario {
	list := []Scenario{RandomKills(kills)}
	for _, point := range crashpoint.Points() {
		list = append(list, AimedKills(aimed, point))
	}
	list = append(list, homeserverAway(outageTime)...)
	list = append(list, LongOutage(longOutageMessages, 4))
	list = append(list, WhatsAppAway(outageTime)...)
	return append(list, EverythingAtOnce(kills/2))
}

// Short are the scenarios that every run of the tests plays.
func Short() []Scenario {
	const length = 3 * time.Second
	return []Scenario{
		RandomKills(6), AimedKills(1, crashpoint.Points()...), HomeserverRestarts(2),
		WhatsAppAway(length)[0], EverythingAtOnce(3),
	}
}
