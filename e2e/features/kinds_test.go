package features

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"maunium.net/go/mautrix/event"

	"causeway/convert"
)

// What becomes of a message from WhatsApp.
const (
	isNothing = "nothing"
	isNotice  = "a notice"
	isShown   = "shown"
)

// becomes says what the bridge makes of a message.
func becomes(msg *waE2E.Message) string {
	if _, ok := convert.EditFromWhatsApp(msg); ok {
		return isShown
	}
	if _, ok := convert.ReactionFromWhatsApp(msg); ok {
		return isShown
	}
	if _, ok := convert.RedactionFromWhatsApp(msg); ok {
		return isShown
	}
	if _, ok := convert.VoteFromWhatsApp(msg); ok {
		return isShown
	}
	if _, ok := convert.AttendanceFromWhatsApp(msg); ok {
		return isShown
	}
	_, isTimer := convert.TimerFromWhatsApp(msg)
	_, isPin := convert.PinFromWhatsApp(msg)
	_, isKeep := convert.KeepFromWhatsApp(msg)
	_, isAlbum := convert.AlbumFromWhatsApp(msg)
	if isTimer || isPin || isKeep || isAlbum {
		return isShown
	}
	switch content := convert.ToMatrix(msg); {
	case content == nil:
		return isNothing
	case content.MsgType == event.MsgNotice && content.Body != "":
		return isNotice
	}
	return isShown
}

// samples has a message of each kind: of each field of waE2E.Message, and of each type of protocol message.
func samples() map[string]*waE2E.Message {
	found := map[string]*waE2E.Message{}
	fields := (&waE2E.Message{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.Name() == "protocolMessage" {
			continue
		}
		msg := &waE2E.Message{}
		fill(msg.ProtoReflect(), field, 0)
		found[string(field.Name())] = msg
	}
	for number, name := range waE2E.ProtocolMessage_Type_name {
		protocol := &waE2E.ProtocolMessage{}
		for _, field := range []protoreflect.Name{"key", "editedMessage", "ephemeralExpiration"} {
			fill(protocol.ProtoReflect(), protocol.ProtoReflect().Descriptor().Fields().ByName(field), 1)
		}
		protocol.Type = waE2E.ProtocolMessage_Type(number).Enum()
		found["protocolMessage/"+name] = &waE2E.Message{ProtocolMessage: protocol}
	}
	edit := found["protocolMessage/"+waE2E.ProtocolMessage_MESSAGE_EDIT.String()]
	found["editedMessage"] = &waE2E.Message{EditedMessage: &waE2E.FutureProofMessage{Message: edit}}
	return found
}

// fill gives a field a value that could be one. Booleans stay false: they say that a message is not an ordinary one.
func fill(in protoreflect.Message, field protoreflect.FieldDescriptor, depth int) {
	const deepest = 4
	switch {
	case field.IsMap() || depth > deepest || field.Kind() == protoreflect.BoolKind:
	case field.Message() != nil && field.IsList():
		fillAll(in.Mutable(field).List().AppendMutable().Message(), depth+1)
	case field.Message() != nil:
		fillAll(in.Mutable(field).Message(), depth+1)
	case field.IsList():
		in.Mutable(field).List().Append(sample(field))
	default:
		in.Set(field, sample(field))
	}
}

func fillAll(in protoreflect.Message, depth int) {
	if message, ok := in.Interface().(*waE2E.Message); ok { // what is in an envelope
		message.Conversation = proto.String("hello")
		return
	}
	oneofs := map[protoreflect.Name]bool{}
	for i := range in.Descriptor().Fields().Len() {
		field := in.Descriptor().Fields().Get(i)
		if of := field.ContainingOneof(); of != nil {
			if oneofs[of.Name()] {
				continue
			}
			oneofs[of.Name()] = true
		}
		fill(in, field, depth)
	}
}

// sample is a value that fits most: 32 bytes may be a key or a digest, and a path begins with a slash.
func sample(field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.StringKind:
		if field.Name() == "directPath" {
			return protoreflect.ValueOfString("/path")
		}
		return protoreflect.ValueOfString("4917600000002@s.whatsapp.net")
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(make([]byte, 32))
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(values.Len() - 1).Number())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(1)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(1)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(1)
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(1)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(1)
	}
	return protoreflect.ValueOfUint64(1)
}

// kindFault says what is wrong with how a kind is listed, given what the bridge makes of it.
func kindFault(name, made string, rows []Row, noticed, silent []Apart) string {
	isOf := func(names []string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return n == name || strings.HasPrefix(n, name+".") })
	}
	isApart := func(list []Apart) bool {
		return slices.ContainsFunc(list, func(a Apart) bool { return isOf(a.WhatsApp) })
	}
	in, says := 0, ""
	shown, named := false, false
	for _, row := range rows {
		if isOf(row.WhatsApp) {
			shown, named = true, named || slices.Contains(row.Matrix, "m.notice")
		}
	}
	for list, is := range map[string]bool{isShown: shown, isNotice: isApart(noticed), isNothing: isApart(silent)} {
		if is {
			in, says = in+1, list
		}
	}
	switch {
	case in == 0:
		return fmt.Sprintf("%s (the bridge makes of it: %s) is in no row, and in no list of what is not shown", name, made)
	case in > 1:
		return name + " is in more than one list"
	case made != says && (made != isNotice || !named):
		return fmt.Sprintf("%s is listed as %s, but the bridge makes of it: %s", name, says, made)
	}
	return ""
}

// TestEveryKindIsListed: whatever a message from WhatsApp can be has a place on the page, and the one that it has in truth.
func TestEveryKindIsListed(t *testing.T) {
	t.Parallel()
	all := samples()
	require.Greater(t, len(all), 100)
	var underWay []string
	for _, list := range UnderWay() {
		underWay = append(underWay, list.WhatsApp...)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if slices.Contains(underWay, name) {
			continue
		}
		if fault := kindFault(name, becomes(all[name]), allRows(), Noticed(), NotForPeople()); fault != "" {
			t.Error(fault)
		}
	}
	for _, list := range slices.Concat(Noticed(), NotForPeople(), UnderWay()) {
		for _, name := range list.WhatsApp {
			require.Contains(t, all, name, "under %q", list.Why)
		}
	}
}

// TestKindRules shows that each rule can fail.
func TestKindRules(t *testing.T) {
	t.Parallel()
	rows := []Row{{Matrix: []string{"m.image"}, WhatsApp: []string{"imageMessage.caption"}}, {Matrix: []string{"m.notice"}, WhatsApp: []string{"pollUpdateMessage"}}}
	noticed, silent := []Apart{{WhatsApp: []string{"callMessage"}}}, []Apart{{WhatsApp: []string{"keyMessage", "imageMessage"}}}
	for _, c := range []struct {
		name, made string
		silent     []Apart
		fault      string
	}{
		{"imageMessage", isShown, nil, ""},
		{"imageMessage", isNotice, nil, "is listed as shown, but the bridge makes of it: a notice"},
		{"imageMessage", isShown, silent, "in more than one list"},
		{"pollUpdateMessage", isNotice, nil, ""},
		{"pollUpdateMessage", isNothing, nil, "listed as shown"},
		{"callMessage", isNotice, nil, ""},
		{"callMessage", isShown, nil, "is listed as a notice, but the bridge makes of it: shown"},
		{"callMessage", isNothing, nil, "is listed as a notice"},
		{"keyMessage", isNothing, silent, ""},
		{"keyMessage", isNotice, silent, "is listed as nothing"},
		{"newMessage", isNotice, silent, "is in no row"},
	} {
		got := kindFault(c.name, c.made, rows, noticed, c.silent)
		if c.fault == "" && got != "" || !strings.Contains(got, c.fault) {
			t.Errorf("%s: got %q, expected %q", c.name, got, c.fault)
		}
	}
}

// matrixNames are the names that mautrix gives to types of events and messages, as far as the deciders know them. Those without
// a name here are no kind of message.
func matrixNames() map[string]string {
	return map[string]string{
		"EventMessage": "", "EventSticker": event.EventSticker.Type, "EventReaction": event.EventReaction.Type,
		"EventRedaction": event.EventRedaction.Type, "EventEncrypted": event.EventEncrypted.Type,
		"EventUnstablePollStart": event.EventUnstablePollStart.Type, "EventUnstablePollResponse": event.EventUnstablePollResponse.Type,
		"EventUnstablePollEnd": event.EventUnstablePollEnd.Type,
		"MsgText":              string(event.MsgText), "MsgEmote": string(event.MsgEmote), "MsgNotice": string(event.MsgNotice),
		"MsgImage": string(event.MsgImage), "MsgVideo": string(event.MsgVideo), "MsgAudio": string(event.MsgAudio), "MsgFile": string(event.MsgFile),
		"MsgLocation": string(event.MsgLocation), "MsgVerificationRequest": string(event.MsgVerificationRequest),
		"RelReplace": string(event.RelReplace), "RelThread": string(event.RelThread),
		"MsgBeeperGallery": string(event.MsgBeeperGallery), "StatePinnedEvents": event.StatePinnedEvents.Type,
		"StateBeeperDisappearingTimer": event.StateBeeperDisappearingTimer.Type,

		"StateMember": "", "StateRoomName": "", "StateTopic": "", "StateEventType": "",
		"RelAnnotation": "", "RelReference": "", // said with their events
	}
}

// TestEveryMatrixTypeIsListed: whatever type of event or message the deciders know is in a row.
func TestEveryMatrixTypeIsListed(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{"": true}
	for _, row := range allRows() {
		for _, name := range row.Matrix {
			listed[name] = true
		}
	}
	for _, list := range UnderWay() {
		for _, name := range list.Matrix {
			listed[name] = true
		}
	}
	known := 0
	for _, pkg := range []string{"convert", "dispatch", "portal"} {
		for _, file := range parsed(t, pkg, false) {
			for _, name := range typesIn(file) {
				value, ok := matrixNames()[name]
				known++
				require.True(t, ok, "%s uses event.%s: say in matrixNames what it is called on Matrix, and put that in a row", pkg, name)
				require.True(t, listed[value], "%s uses event.%s, but %s is in no row", pkg, name, value)
			}
		}
	}
	require.Positive(t, known)
}

// typesIn lists the types that a file names by mautrix's constants.
func typesIn(file *ast.File) (names []string) {
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "event" {
			for _, prefix := range []string{"Event", "Msg", "State", "Rel"} {
				if rest, ok := strings.CutPrefix(selector.Sel.Name, prefix); ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' {
					names = append(names, selector.Sel.Name)
				}
			}
		}
		return true
	})
	return names
}
