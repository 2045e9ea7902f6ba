-- v1 -> v2: What edits, reactions, redactions and replies need

-- Each WhatsApp message has its row, those that change others too: kind is '' for what people say, else 'edit',
-- 'reaction' or 'redaction'. Whose event is a Matrix user's own has from_matrix. removed is set when it was taken back,
-- possibly before it came. edited_at is when the last edit was made. quote is the beginning of its text, for replies,
-- and is erased after a while.
ALTER TABLE message ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE message ADD COLUMN from_matrix BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE message ADD COLUMN removed BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE message ADD COLUMN edited_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE message ADD COLUMN quote TEXT NOT NULL DEFAULT '';
CREATE INDEX message_quote ON message (sent_at) WHERE quote<>'';

-- The last reaction of each person to each message, also to one that has not come yet. wa_id is the reaction's own
-- message; emoji is empty when it was taken back.
CREATE TABLE reaction (
	portal_id     BIGINT NOT NULL REFERENCES portal (id) ON DELETE CASCADE,
	target_id     TEXT   NOT NULL,
	target_sender BIGINT NOT NULL REFERENCES puppet (id),
	sender_id     BIGINT NOT NULL REFERENCES puppet (id),
	wa_id         TEXT   NOT NULL,
	emoji         TEXT   NOT NULL,
	sent_at       BIGINT NOT NULL,
	PRIMARY KEY (portal_id, target_id, target_sender, sender_id)
);
CREATE INDEX reaction_message ON reaction (portal_id, wa_id, sender_id);
