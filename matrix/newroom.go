package matrix

import (
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
)

// Power levels: the bot has all power as the room's creator, everybody else none.
const (
	levelEveryone = 0
	levelAdmin    = 50
	levelBot      = 100
)

// newRoom says what the room of a portal is to be like.
func (s *Sender) newRoom(p database.Portal, users people) *mautrix.ReqCreateRoom {
	name, topic := p.Name, p.Topic
	if p.IsDirect() {
		name, topic = users.other.Name, "WhatsApp chat"
		if pn := users.other.PN; !pn.IsEmpty() {
			topic = "WhatsApp chat with +" + pn.User
		}
	}
	return &mautrix.ReqCreateRoom{
		RoomAliasName:   s.aliasOf(p.ID),
		Preset:          "private_chat",
		Visibility:      "private",
		Name:            name,
		Topic:           topic,
		IsDirect:        p.IsDirect(),
		CreationContent: map[string]any{inbox.PortalField: p.ID, inbox.ChatField: inbox.ChatOf(p)},
		InitialState:    s.initialState(p, name, users.own),
		// There are no users in the override: since room version 12 its creator may not be among them, and before it
		// the creator would have to be.
		PowerLevelOverride: powerLevels(p),
	}
}

func (s *Sender) initialState(p database.Portal, name string, own []id.UserID) []*event.Event {
	bridge := s.bridgeInfo(p, name)
	key := s.cfg.Domain + "/" + s.cfg.AppServiceID
	state := []*event.Event{
		stateEvent(event.StateBridge, key, bridge),
		stateEvent(event.StateHalfShotBridge, key, bridge),
	}
	if p.Timer > 0 {
		after := &event.BeeperDisappearingTimer{Type: event.DisappearingTypeAfterSend}
		after.Timer.Duration = p.Timer
		state = append(state, stateEvent(event.StateBeeperDisappearingTimer, "", after))
	}
	if p.IsDirect() {
		// So that clients see a chat of two, whoever of the bridge's users is in it besides.
		members := &event.ElementFunctionalMembersContent{ServiceMembers: append([]id.UserID{s.cfg.Bot}, own...)}
		state = append(state, stateEvent(event.StateElementFunctionalMembers, "", members))
	}
	return state
}

// bridgeInfo tells clients what the room shows (MSC2346).
func (s *Sender) bridgeInfo(p database.Portal, name string) *event.BridgeEventContent {
	info := &event.BridgeEventContent{
		BridgeBot: s.cfg.Bot,
		Creator:   s.cfg.Bot,
		Protocol:  event.BridgeInfoSection{ID: "whatsapp", DisplayName: "WhatsApp", ExternalURL: "https://www.whatsapp.com/"},
		Channel:   event.BridgeInfoSection{ID: p.Chat.String(), DisplayName: name, Receiver: string(p.Receiver)},
	}
	if p.IsDirect() {
		info.BeeperRoomType, info.BeeperRoomTypeV2 = "dm", "dm"
	}
	return info
}

// powerLevels lets everybody speak and only the bot change the room. The contact's ghost must be able to invite the
// user to a direct chat; groups are joined on WhatsApp.
func powerLevels(p database.Portal) *event.PowerLevelsEventContent {
	invite, state, everyone := levelAdmin, levelAdmin, levelEveryone
	if p.IsDirect() {
		invite = levelEveryone
	}
	return &event.PowerLevelsEventContent{
		InvitePtr:       &invite,
		StateDefaultPtr: &state,
		Notifications:   &event.NotificationPowerLevels{RoomPtr: &everyone}, // who mentions everybody on WhatsApp is a ghost without power
		// An override of events replaces the homeserver's own list, so all of it is here.
		Events: map[string]int{
			event.StateRoomName.Type:          levelAdmin,
			event.StateRoomAvatar.Type:        levelAdmin,
			event.StateTopic.Type:             levelAdmin,
			event.StateCanonicalAlias.Type:    levelBot,
			event.StatePowerLevels.Type:       levelBot,
			event.StateHistoryVisibility.Type: levelBot,
			event.StateJoinRules.Type:         levelBot,
			event.StateEncryption.Type:        levelBot,
			event.StateServerACL.Type:         levelBot,
			event.StateTombstone.Type:         levelBot,
			event.StatePinnedEvents.Type:      levelEveryone, // as anybody may on WhatsApp
			// Nobody can change it from here yet.
			event.StateBeeperDisappearingTimer.Type: levelBot,
			event.StateBridge.Type:                  levelBot,
			event.StateHalfShotBridge.Type:          levelBot,
			// Whoever shares their place says so in the state (MSC3672, MSC3489).
			"org.matrix.msc3672.beacon_info": levelEveryone,
			"m.beacon_info":                  levelEveryone,
		},
	}
}

func stateEvent(kind event.Type, key string, content any) *event.Event {
	return &event.Event{Type: kind, StateKey: &key, Content: event.Content{Parsed: content}}
}
