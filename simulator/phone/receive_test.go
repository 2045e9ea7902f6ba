package phone

import (
	"context"
	"testing"
	"time"

	"causeway/simulator/journal"
	"causeway/simulator/server"
	"causeway/simulator/signal"
	"causeway/simulator/wire"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
)

func TestMain(m *testing.M) {
	signal.Silence()
	m.Run()
}

// TestUnreadableContent encrypts what is no message, or not what a sender of its kind may send; each must be a violation.
func TestUnreadableContent(t *testing.T) {
	t.Parallel()
	network, err := server.Start(server.Options{Listen: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = network.Close() })
	anna, err := New(network, Options{Number: "491700000001", Name: "Anna"})
	require.NoError(t, err)
	t.Cleanup(anna.Close)
	bob, err := New(network, Options{Number: "491700000002", Name: "Bob"})
	require.NoError(t, err)
	t.Cleanup(bob.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	copied, err := proto.Marshal(&waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{DestinationJID: proto.String(bob.lid.String()),
		Message: &waE2E.Message{Conversation: proto.String("I am you")}}})
	require.NoError(t, err)
	badKey, err := proto.Marshal(&waE2E.Message{SenderKeyDistributionMessage: &waE2E.SenderKeyDistributionMessage{GroupID: proto.String("1@g.us"),
		AxolotlSenderKeyDistributionMessage: []byte("no key")}})
	require.NoError(t, err)
	for name, test := range map[string]struct {
		plain []byte
		want  string
	}{
		"protobuf":   {[]byte{0xff, 0xff, 0xff}, "unreadable content"},
		"copy":       {copied, "device-sent copy"},
		"sender key": {badKey, "unreadable content"},
	} {
		enc, err := anna.encrypt(ctx, bob.lid, test.plain, false)
		require.NoError(t, err)
		id := "3A" + name
		require.NoError(t, network.Post(anna.number, wire.Node{Tag: "message", Attrs: wire.Attrs{"id": id, "to": bob.lid, "type": "text"},
			Content: []wire.Node{enc}}, time.Now()))
		v, err := network.Journal().Find(ctx, func(e journal.Event) bool {
			return e.Kind == journal.Violation && len(e.Detail) > len(id) && e.Detail[:len(id)] == id
		})
		require.NoError(t, err, name)
		require.Contains(t, v.Detail, test.want, name)
	}
}
