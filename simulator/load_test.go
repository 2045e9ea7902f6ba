package simulator_test

import (
	"fmt"
	"testing"

	"causeway/simulator"
)

// TestFloodStaysInOrder sends more than fits into the window while the client is away, and checks that everything arrives once and
// in order.
func TestFloodStaysInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCompanion(t, w)
	c.link(t, w.me)
	c.Disconnect()
	ids := w.burst(t, 600)
	c.fresh(t)
	c.connect(t)
	c.inOrder(t, ids)
	w.settled(t)
	w.strict(t)
}

// BenchmarkPhones is what the network itself costs: two phones, no client.
func BenchmarkPhones(b *testing.B) {
	n, err := simulator.Start(simulator.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = n.Close() }()
	from, err := n.AddPhone(bobs, "Bob")
	if err != nil {
		b.Fatal(err)
	}
	to, err := n.AddPhone(mine, "Me")
	if err != nil {
		b.Fatal(err)
	}
	var last string
	for i := range b.N {
		sent, err := from.Send(b.Context(), simulator.Outgoing{Chat: mine, Text: fmt.Sprint("message ", i)})
		if err != nil {
			b.Fatal(err)
		}
		last = sent.ID
	}
	if _, err = to.WaitMessage(b.Context(), func(m simulator.Message) bool { return m.ID == last }); err != nil {
		b.Fatal(err)
	}
}
