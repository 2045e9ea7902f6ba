package server

import (
	"strconv"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// collections are the app state of all accounts: patches that the server numbers and keeps, and cannot read.
type collections map[*account.Account]map[string][][]byte

// known says whether there is a collection of the name.
func known(name string) bool {
	for _, n := range appstate.AllPatchNames {
		if string(n) == name {
			return true
		}
	}
	return false
}

// add numbers a patch and appends it.
func (c collections) add(a *account.Account, name string, raw []byte) error {
	patch := &waServerSync.SyncdPatch{}
	if err := proto.Unmarshal(raw, patch); err != nil {
		return err
	}
	if c[a] == nil {
		c[a] = map[string][][]byte{}
	}
	version := uint64(len(c[a][name]) + 1)
	patch.Version = &waServerSync.SyncdVersion{Version: &version} // clients leave it out, and need it
	raw, err := proto.Marshal(patch)
	if err != nil {
		return err
	}
	c[a][name] = append(c[a][name], raw)
	return nil
}

func (c collections) since(a *account.Account, name string, version uint64) [][]byte {
	all := c[a][name]
	if version >= uint64(len(all)) {
		return nil
	}
	return all[version:]
}

// syncState answers a client that fetches or writes collections.
func (s *Server) syncState(c *session, n *wire.Node) {
	body := n.GetChildByTag("sync")
	var out []wire.Node
	var changed []string
	for _, collection := range body.GetChildren() {
		name := wire.Text(&collection, "name")
		if collection.Tag != "collection" || !known(name) {
			s.malformed(c, n, "unknown collection")
			return
		}
		answer, written := s.syncCollection(c, &collection)
		out = append(out, answer)
		if written {
			changed = append(changed, name)
		}
	}
	c.result(n, wire.Node{Tag: "sync", Content: out})
	for _, name := range changed {
		s.tellState(c.device.Account, name, c.device)
	}
}

func (s *Server) syncCollection(c *session, n *wire.Node) (answer wire.Node, written bool) {
	a, name := c.device.Account, wire.Text(n, "name")
	base, _ := strconv.ParseUint(wire.Text(n, "version"), 10, 64)
	current := uint64(len(s.state.collections[a][name]))
	answer = wire.Node{Tag: "collection", Attrs: wire.Attrs{"name": name, "version": strconv.FormatUint(current, 10)}}
	patch, writes := n.GetOptionalChildByTag("patch")
	if !writes {
		if patches := patchNodes(s.state.collections.since(a, name, base)); len(patches) > 0 {
			answer.Content = []wire.Node{{Tag: "patches", Content: patches}}
		}
		return answer, false
	}
	code := 0
	if base != current {
		code = statusConflict
	} else if err := s.state.collections.add(a, name, wire.Bytes(patch)); err != nil {
		s.violate(c.device, "iq", "unreadable app state patch: "+err.Error())
		code = statusBadRequest
	}
	if code == 0 {
		answer.Attrs["version"] = strconv.FormatUint(current+1, 10)
		return answer, true
	}
	answer.Attrs["type"] = "error"
	answer.Content = []wire.Node{{Tag: "error", Attrs: wire.Attrs{"code": code, "text": statusText(code)}},
		{Tag: "patches", Content: patchNodes(s.state.collections.since(a, name, base))}}
	return answer, false
}

func patchNodes(patches [][]byte) []wire.Node {
	var out []wire.Node
	for _, raw := range patches {
		out = append(out, wire.Node{Tag: "patch", Content: raw})
	}
	return out
}

// tellState tells the account's other devices that a collection has grown.
func (s *Server) tellState(a *account.Account, name string, by *account.Device) {
	version := strconv.Itoa(len(s.state.collections[a][name]))
	for _, d := range a.Devices() {
		if d != by {
			s.deliver(d, wire.Node{Tag: "notification", Attrs: wire.Attrs{"from": types.ServerJID, "type": "server_sync", "id": newID("ss-"), "t": unix(time.Now())},
				Content: []wire.Node{{Tag: "collection", Attrs: wire.Attrs{"name": name, "version": version}}}})
		}
	}
}

// Patches are the patches of a collection above a version (settings.Server).
func (s *Server) Patches(number, collection string, after uint64) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.find(number)
	if err != nil {
		return nil, err
	}
	return s.state.collections.since(a, collection, after), nil
}

// Append adds a phone's patch if its base is the newest version (settings.Server).
func (s *Server) Append(number, collection string, base uint64, patch []byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.find(number)
	if err != nil || base != uint64(len(s.state.collections[a][collection])) {
		return false, err
	}
	if err = s.state.collections.add(a, collection, patch); err != nil {
		return false, err
	}
	s.tellState(a, collection, a.Device(0))
	return true, nil
}
