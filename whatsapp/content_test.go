package whatsapp

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"
)

func TestForPeople(t *testing.T) {
	t.Parallel()
	protocol := func(kind waE2E.ProtocolMessage_Type) *waE2E.Message {
		return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Type: kind.Enum()}}
	}
	unknown := &waE2E.Message{}
	require.NoError(t, proto.Unmarshal([]byte{0xf2, 0xff, 0x3f, 0x01, 'x'}, unknown)) // a field of a later version
	require.NotEmpty(t, unknown.ProtoReflect().GetUnknown())
	key := &waE2E.SenderKeyDistributionMessage{GroupID: proto.String("g")}
	for name, c := range map[string]struct {
		message *waE2E.Message
		want    bool
	}{
		"text":             {&waE2E.Message{Conversation: proto.String("hi")}, true},
		"text with key":    {&waE2E.Message{Conversation: proto.String("hi"), SenderKeyDistributionMessage: key}, true},
		"key":              {&waE2E.Message{SenderKeyDistributionMessage: key, MessageContextInfo: &waE2E.MessageContextInfo{}}, false},
		"nothing":          {&waE2E.Message{}, false},
		"unknown":          {unknown, true},
		"reaction":         {&waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{}}, true},
		"revoke":           {protocol(waE2E.ProtocolMessage_REVOKE), true},
		"edit":             {protocol(waE2E.ProtocolMessage_MESSAGE_EDIT), true},
		"timer":            {protocol(waE2E.ProtocolMessage_EPHEMERAL_SETTING), true},
		"history":          {protocol(waE2E.ProtocolMessage_HISTORY_SYNC_NOTIFICATION), false},
		"app state keys":   {protocol(waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE), false},
		"placeholder data": {protocol(waE2E.ProtocolMessage_PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE), false},
	} {
		require.Equal(t, c.want, forPeople(&events.Message{Message: c.message}), name)
	}
	status := &events.Message{Message: &waE2E.Message{Conversation: proto.String("my day")}}
	status.Info.Chat = types.StatusBroadcastJID
	require.False(t, forPeople(status))
}

func TestLibraryLogKeepsSecretsOut(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := newLibraryLog(zerolog.New(&out).Level(zerolog.TraceLevel))
	log.Sub("Recv").Debugf("%s", "SECRET")
	log.Sub("Send").Sub("Deeper").Debugf("%s", "SECRET")
	log.Sub("QRChannel").Debugf("Emitting QR code %s", "SECRET")
	log.Debugf("Errored frame hex: %s", "SECRET")
	require.Empty(t, out.String())
	log.Sub("Recv").Warnf("cannot read %d", 7)
	log.Errorf("%s", strings.Repeat("x", 5000))
	require.Contains(t, out.String(), "cannot read 7")
	require.Contains(t, out.String(), `"module":"Recv"`)
	require.Less(t, out.Len(), 1000)

	out.Reset()
	quiet := newLibraryLog(zerolog.New(&out).Level(zerolog.InfoLevel))
	quiet.Infof("chatter")
	quiet.Debugf("more chatter")
	require.Empty(t, out.String())
}

func TestNetworkSettings(t *testing.T) {
	t.Parallel()
	require.True(t, Network{}.real())
	_, err := Network{}.client()
	require.NoError(t, err)
	missing := Network{Address: "127.0.0.1:1", RootKey: "00", CAFile: filepath.Join(t.TempDir(), "missing.pem")}
	_, err = missing.client()
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = missing.rootKey()
	require.ErrorContains(t, err, "1 bytes instead of 32")
	missing.RootKey = "no hex"
	_, err = missing.rootKey()
	require.Error(t, err)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = Network{Address: "127.0.0.1:1", CAFile: empty}.client()
	require.ErrorContains(t, err, "no certificate")
}
