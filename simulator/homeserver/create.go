package homeserver

import (
	"maps"
	"net/http"
	"strings"
)

// createRoom makes a room, its events in the order that the specification gives them (Client-Server API, "Creation").
func (h *Homeserver) createRoom(c *call) (any, error) {
	alias := ""
	if localpart := c.text("room_alias_name"); localpart != "" {
		alias = "#" + localpart + ":" + h.opts.Domain
		if !strings.HasPrefix(localpart, h.opts.Prefix) {
			return nil, &apiError{http.StatusBadRequest, "M_EXCLUSIVE", "This application service has not reserved this kind of alias."}
		} else if h.world.aliases[alias] != "" {
			return nil, &apiError{http.StatusBadRequest, "M_ROOM_IN_USE", "Room alias already taken"}
		}
	}
	r := h.newRoom(c.user, c.body)
	if alias != "" {
		h.world.aliases[alias] = r.id
		h.state(r, "m.room.canonical_alias", "", map[string]any{"alias": alias})
	}
	initial, _ := c.body["initial_state"].([]any)
	for _, item := range initial {
		event, _ := item.(map[string]any)
		kind, _ := event["type"].(string)
		key, _ := event["state_key"].(string)
		content, _ := event["content"].(map[string]any)
		h.state(r, kind, key, content)
	}
	for field, kind := range map[string]string{"name": "m.room.name", "topic": "m.room.topic"} {
		if value := c.text(field); value != "" {
			h.state(r, kind, "", map[string]any{field: value})
		}
	}
	invite, _ := c.body["invite"].([]any)
	for _, who := range invite {
		user, _ := who.(string)
		if _, err := h.move(r, c.user, user, "invite", map[string]any{"is_direct": c.body["is_direct"]}); err != nil {
			return nil, err
		}
	}
	return map[string]any{"room_id": r.id}, nil
}

func (h *Homeserver) newRoom(owner string, body map[string]any) *room {
	r := &room{
		id: "!room" + h.next() + ":" + h.opts.Domain, owner: owner,
		state: make(map[stateKey]Event), redacted: make(map[string]Event), read: make(map[string]string),
	}
	h.world.rooms[r.id] = r
	creation, _ := body["creation_content"].(map[string]any)
	creation = maps.Clone(creation)
	if creation == nil {
		creation = map[string]any{}
	}
	creation["room_version"] = "12"
	h.state(r, "m.room.create", "", creation)
	h.state(r, "m.room.member", owner, map[string]any{"membership": "join", "displayname": h.world.users[owner].name})
	levels := map[string]any{
		"users": map[string]any{}, "users_default": 0, "events_default": 0, "state_default": powerAdmin,
		"invite": powerAdmin, "kick": powerAdmin, "redact": powerAdmin, "events": map[string]any{"m.room.power_levels": powerOwner},
	}
	override, _ := body["power_level_content_override"].(map[string]any)
	maps.Copy(levels, override)
	h.state(r, "m.room.power_levels", "", levels)
	rule := "invite"
	if body["preset"] == "public_chat" {
		rule = "public"
	}
	h.state(r, "m.room.join_rules", "", map[string]any{"join_rule": rule})
	h.state(r, "m.room.history_visibility", "", map[string]any{"history_visibility": "shared"})
	return r
}

// state puts a state event by the owner of the room.
func (h *Homeserver) state(r *room, kind, key string, content map[string]any) {
	h.put(r, draft{kind: kind, sender: r.owner, key: &key, content: content})
}

func (h *Homeserver) getAlias(c *call) (any, error) {
	id := h.world.aliases[c.path("alias")]
	if id == "" {
		return nil, &apiError{http.StatusNotFound, "M_NOT_FOUND", "Room alias " + c.path("alias") + " not found"}
	}
	return map[string]any{"room_id": id, "servers": []string{h.opts.Domain}}, nil
}

func (h *Homeserver) deleteAlias(c *call) (any, error) {
	if h.world.aliases[c.path("alias")] == "" {
		return nil, &apiError{http.StatusNotFound, "M_NOT_FOUND", "Room alias not found"}
	}
	delete(h.world.aliases, c.path("alias"))
	return map[string]any{}, nil
}
