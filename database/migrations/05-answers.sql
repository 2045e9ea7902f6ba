-- v4 -> v5: Messages that can be answered

-- One row per message that asks for an answer of a certain form: a poll, an event, an invitation to a group, one with
-- buttons. author is the name by which its sender went in the chat, secret what answers are sealed with, shown_id the
-- message whose event shows it (another than its own when that was held by a placeholder), content what it asks, as JSON.
CREATE TABLE question (
	portal_id BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	wa_id     TEXT   NOT NULL,
	sender_id BIGINT NOT NULL REFERENCES puppet (id),
	kind      TEXT   NOT NULL,
	author    TEXT   NOT NULL,
	secret    BYTEA,
	shown_id  TEXT   NOT NULL,
	content   TEXT   NOT NULL,
	PRIMARY KEY (portal_id, wa_id, sender_id)
);

-- The last answer of each person to each question, also to one that has not come yet: then it is still sealed. wa_id is
-- the answer's own message.
CREATE TABLE answer (
	portal_id       BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	question_id     TEXT   NOT NULL,
	question_sender BIGINT NOT NULL REFERENCES puppet (id),
	sender_id       BIGINT NOT NULL REFERENCES puppet (id),
	wa_id           TEXT   NOT NULL,
	sealed          BYTEA,
	iv              BYTEA,
	content         TEXT   NOT NULL,
	sent_at         BIGINT NOT NULL,
	PRIMARY KEY (portal_id, question_id, question_sender, sender_id)
);
CREATE INDEX answer_message ON answer (portal_id, wa_id, sender_id);
