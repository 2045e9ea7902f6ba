// Reads events as a client does, and says of each whether people would see it.
//
// In: one event per line, as the homeserver gives it to a client, in the order in which it came; "ours" says that it is to be judged.
// Out: for each of those one line {"event_id", "fault"}, where no fault is "".
//
// The events go into rooms of matrix-js-sdk, which is what Element is built on: it aggregates edits, reactions and votes as in the
// client. What Element demands beyond that to draw something is checked here, each time with the SDK's own parsers where it has one.

// The SDK talks to the console; the answer has stdout for itself.
console.log = console.info = console.debug = console.warn;

const { createClient, MatrixEvent, Room, EventType, MsgType, RelationType } = await import("matrix-js-sdk");
const { ContentHelpers, M_BEACON, M_BEACON_INFO, M_POLL_START, M_POLL_RESPONSE, M_POLL_END } = await import("matrix-js-sdk");
const { PollStartEvent } = await import("matrix-js-sdk/lib/extensible_events_v1/PollStartEvent.js");
const { PollResponseEvent } = await import("matrix-js-sdk/lib/extensible_events_v1/PollResponseEvent.js");
const { PollEndEvent } = await import("matrix-js-sdk/lib/extensible_events_v1/PollEndEvent.js");

class Fault extends Error {}
const demand = (good, fault) => {
    if (!good) throw new Fault(fault);
};
const isText = (value) => typeof value === "string" && value.trim() !== "";
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isMXC = (value) => typeof value === "string" && /^mxc:\/\/[^/]+\/[^/]+$/.test(value);
const isEventID = (value) => typeof value === "string" && value.startsWith("$");
const isUserID = (value) => typeof value === "string" && /^@[^:]+:.+$/.test(value);
const isCount = (value) => value === undefined || (Number.isInteger(value) && value >= 0);
const isGeo = (value) => typeof value === "string" && /^geo:-?\d+(\.\d+)?,-?\d+(\.\d+)?/.test(value);

// What is sent to clients that know it, and what no client draws as a message.
const beside = new Set(["com.beeper.message_send_status"]);
// State that bridges set, beyond what the SDK has names for.
const bridgeState = new Set(["m.bridge", "uk.half-shot.bridge", "io.element.functional_members", "com.beeper.disappearing_timer"]);
const known = new Set(Object.values(EventType));
const msgtypes = new Set(Object.values(MsgType));

function file(content) {
    demand(isMXC(content.url) || (isObject(content.file) && isMXC(content.file.url)), "has no address of its file");
    demand(content.filename === undefined || isText(content.filename), "filename is empty");
    if (content.info === undefined) return;
    demand(isObject(content.info), "info is no object");
    for (const field of ["w", "h", "size", "duration"]) demand(isCount(content.info[field]), `info.${field} is no whole number`);
    demand(content.info.mimetype === undefined || /^[\w.+-]+\/[\w.+-]+(;.*)?$/.test(content.info.mimetype), "info.mimetype is no MIME type");
    demand(content.info.thumbnail_url === undefined || isMXC(content.info.thumbnail_url), "info.thumbnail_url is no address");
}

function mentions(content) {
    const m = content["m.mentions"];
    if (m === undefined) return;
    demand(isObject(m), "m.mentions is no object");
    demand(m.user_ids === undefined || (Array.isArray(m.user_ids) && m.user_ids.every(isUserID)), "m.mentions.user_ids are no users");
    demand(m.room === undefined || typeof m.room === "boolean", "m.mentions.room is no boolean");
}

// message judges the content of an m.room.message, or what an edit puts in its place.
function message(content) {
    demand(isText(content.msgtype), "has no msgtype");
    demand(msgtypes.has(content.msgtype), `has the msgtype ${content.msgtype}, which the SDK does not know`);
    demand(isText(content.body), "has an empty body");
    if (content.format !== undefined || content.formatted_body !== undefined) {
        demand(content.format === "org.matrix.custom.html", "has a format that is none");
        demand(isText(content.formatted_body), "has an empty formatted_body");
    }
    mentions(content);
    switch (content.msgtype) {
        case MsgType.Image:
        case MsgType.Video:
        case MsgType.Audio:
        case MsgType.File:
            file(content);
            break;
        case MsgType.Location: {
            demand(isGeo(content.geo_uri), "has no geo_uri");
            const parsed = ContentHelpers.parseLocationEvent(content);
            demand(isGeo(parsed["org.matrix.msc3488.location"]?.uri ?? parsed["m.location"]?.uri), "is no location to the SDK");
            break;
        }
    }
}

function relation(event, room) {
    const relates = event.getWireContent()["m.relates_to"];
    if (relates === undefined) return;
    demand(isObject(relates), "m.relates_to is no object");
    const reply = relates["m.in_reply_to"];
    if (reply !== undefined) {
        demand(isObject(reply) && isEventID(reply.event_id), "m.in_reply_to names no event");
        demand(event.replyEventId === reply.event_id, "is no reply to the SDK");
    }
    if (relates.rel_type === undefined) {
        demand(reply !== undefined, "m.relates_to says nothing");
        return;
    }
    demand(Object.values(RelationType).includes(relates.rel_type), `has the relation ${relates.rel_type}, which the SDK does not know`);
    demand(isEventID(relates.event_id), "m.relates_to names no event");
    demand(event.isRelation(relates.rel_type), "is no relation to the SDK");
    if (relates.rel_type === RelationType.Replace) edit(event, room, relates.event_id);
    if (relates.rel_type === RelationType.Annotation) demand(isText(relates.key), "reacts with nothing");
}

function edit(event, room, target) {
    const content = event.getWireContent()["m.new_content"];
    demand(isObject(content), "is an edit without m.new_content");
    demand(content["m.relates_to"] === undefined, "m.new_content has a relation of its own");
    if (event.getWireType() === EventType.RoomMessage) message(content);
    const before = room.findEventById(target);
    if (!before) return; // older than what was read
    demand(before.getSender() === event.getSender(), "edits what another has said");
    demand(before.getWireType() === event.getWireType(), `edits an event of the type ${before.getWireType()}`);
    if (before.isRedacted()) return;
    const now = before.replacingEvent();
    demand(now, "does not replace anything");
    if (now.getId() === event.getId()) demand(JSON.stringify(before.getContent()) === JSON.stringify(content), "is not what the SDK shows instead");
}

// wire is the event as the extensible events of the SDK want it.
const wire = (event) => ({ type: event.getWireType(), content: event.getWireContent() });

function pollStart(event, room) {
    const poll = new PollStartEvent(wire(event));
    demand(new Set(poll.answers.map((a) => a.id)).size === poll.answers.length, "has an answer twice");
    demand(poll.maxSelections <= Math.max(poll.answers.length, 1), "lets more be chosen than there are");
    demand(event.isRedacted() || event.unstableExtensibleEvent, "is no poll to the SDK");
    demand(event.isRedacted() || room.polls.has(event.getId()), "is no poll in its room");
}

function pollResponse(event, room) {
    const vote = new PollResponseEvent(wire(event));
    const start = room.findEventById(vote.pollEventId);
    const taken = Array.isArray(M_POLL_RESPONSE.findIn(event.getWireContent())?.answers) && M_POLL_RESPONSE.findIn(event.getWireContent()).answers.length === 0;
    if (taken || !start || start.isRedacted()) return; // a vote that is taken back chooses nothing
    let poll;
    try {
        poll = new PollStartEvent(wire(start));
    } catch {
        return; // a poll that the SDK cannot read: if it is ours, that is said of it
    }
    vote.validateAgainst(poll);
    demand(!vote.spoiled, "votes for what is no answer");
}

function timeline(event, room) {
    const type = event.getWireType();
    const content = event.getWireContent();
    if (type === EventType.RoomMessage) message(content);
    else if (type === EventType.Sticker) {
        demand(isText(content.body), "has an empty body");
        file(content);
    } else if (type === EventType.Reaction) demand(content["m.relates_to"]?.rel_type === RelationType.Annotation, "is a reaction to nothing");
    else if (type === EventType.RoomRedaction) demand(isEventID(event.getAssociatedId()), "removes nothing");
    else if (M_POLL_START.matches(type)) pollStart(event, room);
    else if (M_POLL_RESPONSE.matches(type)) pollResponse(event, room);
    else if (M_POLL_END.matches(type)) new PollEndEvent(wire(event));
    else if (M_BEACON.matches(type)) {
        const beacon = ContentHelpers.parseBeaconContent(content);
        demand(isGeo(beacon.uri) && Number.isFinite(beacon.timestamp), "is no place at a time");
    } else if (type === EventType.RoomMessageEncrypted) demand(isText(content.algorithm), "has no algorithm");
    else demand(beside.has(type), `has the type ${type}, which clients do not show`);
}

function state(event) {
    const type = event.getWireType();
    const content = event.getWireContent();
    if (M_BEACON_INFO.matches(type)) {
        const info = ContentHelpers.parseBeaconInfoContent(content);
        demand(Number.isFinite(info.timestamp) && typeof info.live === "boolean", "is no live location");
    } else if (type === EventType.RoomPinnedEvents) demand(Array.isArray(content.pinned) && content.pinned.every(isEventID), "pins what is no event");
    else if (type === EventType.RoomMember) demand(["join", "invite", "leave", "ban", "knock"].includes(content.membership), "has no membership");
    else demand(known.has(type) || bridgeState.has(type), `has the type ${type}, which clients do not know`);
}

function judge(event, room) {
    try {
        if (event.isState()) state(event);
        else {
            timeline(event, room);
            relation(event, room);
        }
        return "";
    } catch (error) {
        return error instanceof Fault ? error.message : `the SDK cannot read it: ${error.message}`;
    }
}

async function main() {
    let text = "";
    for await (const part of process.stdin.setEncoding("utf8")) text += part;
    const raw = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));

    const client = createClient({ baseUrl: "http://127.0.0.1:0", userId: "@reader:localhost", timelineSupport: true });
    const rooms = new Map();
    const events = [];
    for (const one of raw) {
        if (!rooms.has(one.room_id)) {
            const room = new Room(one.room_id, client, "@reader:localhost", { timelineSupport: true });
            client.store.storeRoom(room);
            rooms.set(one.room_id, room);
        }
        // Judged is what was sent: the SDK empties an event that is removed later.
        events.push({ one, event: new MatrixEvent(structuredClone(one)), alone: new MatrixEvent(one) });
    }
    for (const [id, room] of rooms) {
        const own = events.filter(({ one }) => one.room_id === id).map(({ event }) => event);
        await room.addLiveEvents(own, { addToState: true });
        await room.processPollEvents(own);
    }
    for (const { one, event, alone } of events) {
        if (!one.ours) continue;
        const room = rooms.get(one.room_id);
        const fault = judge(event.isRedacted() ? alone : event, room);
        process.stdout.write(JSON.stringify({ event_id: one.event_id, fault }) + "\n");
    }
}

await main();
process.exit(0); // the client would wait for a server that there is none of
