package convert

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"
)

// namedToMatrix says what there is to say of kinds that can be seen or used on the phone only.
func namedToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	text := cmp.Or(paymentText(msg), callText(msg), channelText(msg), programText(msg))
	if text == "" {
		return nil
	}
	return &event.MessageEventContent{MsgType: event.MsgNotice, Body: clip(clean(text), maxBody/2), Mentions: &event.Mentions{}}
}

// with adds what somebody wrote to a notice.
func with(text, words string) string {
	if words = strings.TrimSpace(words); words != "" {
		text += " It says: " + clip(words, maxBody/4)
	}
	return text
}

func paymentText(msg *waE2E.Message) string {
	const open = " Open WhatsApp on your phone to see to it."
	over := func(amount string) string {
		if amount == "" {
			return ""
		}
		return " over " + amount
	}
	switch {
	case msg.OrderMessage != nil:
		m := msg.OrderMessage
		text := fmt.Sprintf("🛒 An order of %d items", max(m.GetItemCount(), 0)) + over(money(m.GetTotalAmount1000(), m.GetTotalCurrencyCode()))
		if title := oneLine(m.GetOrderTitle()); title != "" {
			text += " from " + clip(title, maxShownText)
		}
		return with(text+"."+open, m.GetMessage())
	case msg.InvoiceMessage != nil:
		return with("🧾 An invoice."+open, msg.InvoiceMessage.GetNote())
	case msg.RequestPaymentMessage != nil:
		m := msg.RequestPaymentMessage
		return with("💳 A request for a payment"+over(money(int64(min(m.GetAmount1000(), 1<<50)), m.GetCurrencyCodeIso4217()))+"."+open, wordsOf(m.GetNoteMessage()))
	case msg.SendPaymentMessage != nil:
		return with("💳 A payment."+open, wordsOf(msg.SendPaymentMessage.GetNoteMessage()))
	case msg.DeclinePaymentRequestMessage != nil:
		return "💳 A request for a payment was declined." + open
	case msg.CancelPaymentRequestMessage != nil:
		return "💳 A request for a payment was cancelled." + open
	case msg.PaymentInviteMessage != nil:
		return "💳 An invitation to WhatsApp's payments." + open
	case msg.PaymentReminderMessage != nil:
		return with("💳 A reminder of a payment."+open, msg.PaymentReminderMessage.GetDescription())
	case msg.SplitPaymentMessage != nil:
		return with("💳 A bill to be shared."+open, msg.SplitPaymentMessage.GetDescription())
	case msg.SplitPaymentUpdateMessage != nil:
		return "💳 News of a bill that is shared." + open
	}
	return ""
}

func callText(msg *waE2E.Message) string {
	kindOf := func(video bool) string {
		if video {
			return "video call"
		}
		return "call"
	}
	switch {
	case msg.ScheduledCallCreationMessage != nil:
		m := msg.ScheduledCallCreationMessage
		text := "📞 A " + kindOf(m.GetCallType() == waE2E.ScheduledCallCreationMessage_VIDEO) + " is planned"
		if title := oneLine(m.GetTitle()); title != "" {
			text += ": " + clip(title, maxShownText)
		}
		if at := m.GetScheduledTimestampMS(); at > 0 {
			text += ", " + inUTC(unixTime(at/1000))
		}
		return text + ". Open WhatsApp on your phone to join."
	case msg.ScheduledCallEditMessage != nil:
		return "📞 A planned call was cancelled."
	case msg.CallLogMesssage != nil:
		m := msg.CallLogMesssage
		outcome := map[waE2E.CallLogMessage_CallOutcome]string{
			waE2E.CallLogMessage_CONNECTED: "ended", waE2E.CallLogMessage_MISSED: "was missed", waE2E.CallLogMessage_FAILED: "failed",
			waE2E.CallLogMessage_REJECTED: "was declined", waE2E.CallLogMessage_ACCEPTED_ELSEWHERE: "was taken on another device",
			waE2E.CallLogMessage_ONGOING: "is going on", waE2E.CallLogMessage_SILENCED_BY_DND: "was silenced",
			waE2E.CallLogMessage_SILENCED_UNKNOWN_CALLER: "of somebody unknown was silenced",
		}[m.GetCallOutcome()]
		text := "📞 A " + kindOf(m.GetIsVideo()) + " " + outcome
		if seconds := m.GetDurationSecs(); seconds > 0 {
			text += fmt.Sprintf(" after %s", (time.Duration(min(seconds, maxPlausible)) * time.Second).String())
		}
		return text + ". Calls are to be had in WhatsApp only: open WhatsApp on your phone."
	}
	return ""
}

func channelText(msg *waE2E.Message) string {
	name := func(name string) string {
		return "“" + cmp.Or(clip(oneLine(name), maxShownText), "without a name") + "”"
	}
	switch {
	case msg.NewsletterAdminInviteMessage != nil:
		m := msg.NewsletterAdminInviteMessage
		return with("📣 An invitation to run the WhatsApp channel "+name(m.GetNewsletterName())+". Open WhatsApp on your phone to accept it.", m.GetCaption())
	case msg.NewsletterFollowerInviteMessageV2 != nil:
		m := msg.NewsletterFollowerInviteMessageV2
		return with("📣 An invitation to follow the WhatsApp channel "+name(m.GetNewsletterName())+". Open WhatsApp on your phone to see it.", m.GetCaption())
	case msg.StickerPackMessage != nil:
		m := msg.StickerPackMessage
		text := "🧩 A pack of stickers, " + name(m.GetName())
		if publisher := oneLine(m.GetPublisher()); publisher != "" {
			text += " by " + clip(publisher, maxShownText)
		}
		return with(fmt.Sprintf("%s, with %d stickers. Open WhatsApp on your phone to add it.", text, len(m.GetStickers())), m.GetCaption())
	case msg.MusicMessage != nil:
		return "🎵 Music. Open WhatsApp on your phone to listen to it."
	}
	return ""
}

func programText(msg *waE2E.Message) string {
	switch {
	case msg.PlaceholderMessage != nil:
		return "🔒 A message that WhatsApp shows on phones only, such as a code to log in somewhere. Open WhatsApp on your phone to read it."
	case msg.RequestPhoneNumberMessage != nil:
		return "☎️ I would like to know your phone number. Open WhatsApp on your phone to share it, or write it here."
	case msg.MessageHistoryNotice != nil:
		count := msg.MessageHistoryNotice.GetMessageHistoryMetadata().GetMessageCount()
		return fmt.Sprintf("🕘 %d earlier messages were shared with new members. They are on phones only: open WhatsApp to see them.", max(count, 0))
	case msg.MessageHistoryBundle != nil:
		return "🕘 Earlier messages were shared. They are on phones only: open WhatsApp to see them."
	}
	return ""
}

// richToMatrix shows what Meta's AI has answered: the texts of it, which are formatted as on Matrix.
func richToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	var texts []string
	parts := msg.GetRichResponseMessage().GetSubmessages()
	left := 0
	for _, part := range parts {
		text := strings.TrimSpace(clean(part.GetMessageText()))
		if text == "" {
			for _, block := range part.GetCodeMetadata().GetCodeBlocks() {
				text += clean(block.GetCodeContent())
			}
		}
		if text == "" {
			left++
			continue
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return nil
	}
	if left > 0 {
		texts = append(texts, "(There is more, which is not text. Open WhatsApp to see it.)")
	}
	return textToMatrix(strings.Join(texts, "\n\n"))
}
