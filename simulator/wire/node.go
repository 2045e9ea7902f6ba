package wire

import (
	"encoding/binary"
	"strconv"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// Node is a stanza or a part of one.
type Node = waBinary.Node

// Attrs are the attributes of a node. JIDs must be types.JID values: the client ignores JIDs that come as strings.
type Attrs = waBinary.Attrs

// Text reads an attribute as text; "" if there is none.
func Text(n *Node, key string) string {
	switch v := n.Attrs[key].(type) {
	case string:
		return v
	case types.JID:
		return v.String()
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// JID reads an attribute as a JID; the empty JID if there is none or it is no JID.
func JID(n *Node, key string) types.JID {
	jid, _ := n.Attrs[key].(types.JID)
	return jid
}

// Bytes is the content of a node as bytes. The client sends some contents as strings, which the encoding may pack.
func Bytes(n Node) []byte {
	switch v := n.Content.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	}
	return nil
}

// Child is the content of the first child with the tag, as bytes.
func Child(n *Node, tag string) []byte { return Bytes(n.GetChildByTag(tag)) }

// First is the first child, or an empty node.
func First(n *Node) Node {
	if children := n.GetChildren(); len(children) > 0 {
		return children[0]
	}
	return Node{}
}

// With is a copy of the node with further attributes; the original, which other receivers share, stays as it is.
func With(n Node, more Attrs) Node {
	out := Attrs{}
	for k, v := range n.Attrs {
		out[k] = v
	}
	for k, v := range more {
		out[k] = v
	}
	n.Attrs = out
	return n
}

// Number is a big-endian number of the given size, as registration and prekey IDs are written.
func Number(v uint32, size int) []byte {
	var raw [4]byte
	binary.BigEndian.PutUint32(raw[:], v)
	return raw[4-size:]
}

// ParseNumber reads a big-endian number of at most four bytes.
func ParseNumber(raw []byte) uint32 {
	var out uint32
	for _, b := range raw {
		out = out<<8 | uint32(b)
	}
	return out
}
