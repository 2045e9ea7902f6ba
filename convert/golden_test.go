package convert

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// A golden file has a direction in its first line ("whatsapp -> matrix", "matrix -> whatsapp" or "whatsapp <-> matrix"),
// then what it is about, then the two forms after "== whatsapp" and "== matrix". The result of a conversion may also be
// "nothing" or "refused: " and why. Lines of what it is about that begin with "people: " or "accounts: " say who is who.
type golden struct {
	toMatrix, toWhatsApp bool
	whatsapp, matrix     string
	people               People
	accounts             Accounts
}

// read reads who is who.
func (g *golden) read(t *testing.T, head string) {
	t.Helper()
	for line := range strings.SplitSeq(head, "\n") {
		var err error
		if raw, ok := strings.CutPrefix(line, "people: "); ok {
			err = json.Unmarshal([]byte(raw), &g.people)
		} else if raw, ok := strings.CutPrefix(line, "accounts: "); ok {
			err = json.Unmarshal([]byte(raw), &g.accounts)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
	}
}

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(raw), "\n== whatsapp\n")
	whatsapp, matrix, ok := strings.Cut(rest, "\n== matrix\n")
	direction, _, _ := strings.Cut(head, "\n")
	g := golden{whatsapp: strings.TrimSpace(whatsapp), matrix: strings.TrimSpace(matrix)}
	g.read(t, head)
	switch direction {
	case "whatsapp -> matrix":
		g.toMatrix = true
	case "matrix -> whatsapp":
		g.toWhatsApp = true
	case "whatsapp <-> matrix":
		g.toMatrix, g.toWhatsApp = true, true
	default:
		ok = false
	}
	if !ok {
		t.Fatalf("%s is no golden file", path)
	}
	return g
}

func TestGoldenFiles(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found no golden files: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(path, "testdata/"), ".txt"), func(t *testing.T) {
			t.Parallel()
			g := readGolden(t, path)
			if g.toMatrix {
				g.checkToMatrix(t)
			}
			if g.toWhatsApp {
				g.checkToWhatsApp(t)
			}
		})
	}
}

func (g golden) checkToMatrix(t *testing.T) {
	t.Helper()
	msg := &waE2E.Message{}
	if err := protojson.Unmarshal([]byte(g.whatsapp), msg); err != nil {
		t.Fatal(err)
	}
	content := ToMatrixNaming(msg, g.people)
	if g.matrix == "nothing" {
		if content != nil {
			t.Errorf("expected nothing, got %+v", content)
		}
		return
	}
	got, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if poll, ok := PollFromWhatsApp(msg); ok {
		got = pollToJSON(t, poll)
	}
	extra := Extra(msg, time.UnixMilli(1_700_000_000_000))
	if !strings.Contains(g.matrix, MessageField) {
		delete(extra, MessageField)
	}
	if len(extra) > 0 {
		got = withExtra(t, got, extra)
	}
	if !reflect.DeepEqual(parsed(t, got), parsed(t, []byte(g.matrix))) {
		t.Errorf("to Matrix: got %s", got)
	}
}

// withExtra adds what mautrix's type of content has no fields for.
func withExtra(t *testing.T, raw []byte, extra map[string]any) []byte {
	t.Helper()
	content, ok := parsed(t, raw).(map[string]any)
	if !ok {
		t.Fatalf("no content: %s", raw)
	}
	maps.Copy(content, extra)
	raw, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (g golden) checkToWhatsApp(t *testing.T) {
	t.Helper()
	if poll, ok := PollFromMatrix([]byte(g.matrix)); ok {
		g.checkPollToWhatsApp(t, poll)
		return
	}
	content := &event.MessageEventContent{}
	if err := json.Unmarshal([]byte(g.matrix), content); err != nil {
		t.Fatal(err)
	}
	FillPlace(content, []byte(g.matrix))
	msg, err := ToWhatsAppNaming(content, g.accounts)
	if why, refused := strings.CutPrefix(g.whatsapp, "refused: "); refused {
		if err == nil || err.Error() != why {
			t.Errorf("expected the refusal %q, got %v and %v", why, err, msg)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	expected := &waE2E.Message{}
	if err := protojson.Unmarshal([]byte(g.whatsapp), expected); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(msg, expected) {
		t.Errorf("to WhatsApp: got %s", protojson.Format(msg))
	}
}

func parsed(t *testing.T, raw []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

func TestRefusalsAreOfKnownKinds(t *testing.T) {
	t.Parallel()
	for _, kind := range []event.MessageType{
		event.MsgImage, event.MsgVideo, event.MsgAudio, event.MsgFile, event.MsgVerificationRequest, "", "x.y",
	} {
		msg, err := ToWhatsApp(&event.MessageEventContent{MsgType: kind, Body: "body"})
		if unsupported, ok := errors.AsType[Unsupported](err); !ok || unsupported.Kind == "" || msg != nil {
			t.Errorf("%q: got %v and %v", kind, msg, err)
		}
	}
}
