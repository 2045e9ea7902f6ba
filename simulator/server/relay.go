package server

import (
	"causeway/simulator/account"

	"go.mau.fi/whatsmeow/types"
)

// rememberedIDs is how many of a device's messages the server remembers to know a repeat.
const rememberedIDs = 200_000

// sent identifies a message: a second one with the same sender, destination and ID is dropped.
type sent struct {
	to types.JID
	id string
	// retry is the count of a message sent again to a device that could not decrypt it; 0 for ordinary messages.
	retry string
}

// retry identifies a request to send again.
type retry struct {
	sender, asker *account.Device
	id            string
}

// relay is what the server remembers for relaying.
type relay struct {
	// stamps hold the timestamp of the first acknowledgement of every message, by sending device.
	stamps map[*account.Device]map[sent]string
	order  map[*account.Device][]sent
	// retries count the open requests to send again.
	retries map[retry]int
	// watchers asked for the device list of an account and are told when it changes.
	watchers    map[*account.Account]map[*account.Account]struct{}
	subscribers map[*account.Account]map[*session]struct{}
}

func newRelay() relay {
	return relay{stamps: map[*account.Device]map[sent]string{}, order: map[*account.Device][]sent{}, retries: map[retry]int{},
		watchers: map[*account.Account]map[*account.Account]struct{}{}, subscribers: map[*account.Account]map[*session]struct{}{}}
}

// first remembers a message. It answers the timestamp of the message's first appearance and whether this is it.
func (r *relay) first(from *account.Device, key sent, now string) (stamp string, isFirst bool) {
	known := r.stamps[from]
	if known == nil {
		known = map[sent]string{}
		r.stamps[from] = known
	}
	if stamp, ok := known[key]; ok {
		return stamp, false
	}
	known[key] = now
	r.order[from] = append(r.order[from], key)
	if list := r.order[from]; len(list) > rememberedIDs {
		delete(known, list[0])
		r.order[from] = list[1:]
	}
	return now, true
}

// askRetry notes that asker wants a message of sender once more.
func (r *relay) askRetry(sender, asker *account.Device, id string) {
	r.retries[retry{sender, asker, id}]++
}

// answerRetry uses up a request; false if nobody asked.
func (r *relay) answerRetry(sender, asker *account.Device, id string) bool {
	key := retry{sender, asker, id}
	if r.retries[key] == 0 {
		return false
	}
	if r.retries[key]--; r.retries[key] == 0 {
		delete(r.retries, key)
	}
	return true
}

func (r *relay) watch(who, whom *account.Account) {
	if r.watchers[whom] == nil {
		r.watchers[whom] = map[*account.Account]struct{}{}
	}
	r.watchers[whom][who] = struct{}{}
}

func (r *relay) subscribe(to *account.Account, c *session) {
	if r.subscribers[to] == nil {
		r.subscribers[to] = map[*session]struct{}{}
	}
	r.subscribers[to][c] = struct{}{}
}

// forget drops the subscriptions of a connection that ended.
func (r *relay) forget(c *session) {
	for _, subscribers := range r.subscribers {
		delete(subscribers, c)
	}
}
