package convert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// maxChoices bounds what is shown of a message with buttons.
const maxChoices = 50

// Menu is a message that offers choices, as businesses send them: buttons, the rows of a list. Its JSON is kept with the
// message.
type Menu struct {
	// Form is how an answer must be given: buttons, list, template or interactive.
	Form    string   `json:"form"`
	Choices []Choice `json:"choices"`
}

// Forms of menus.
const (
	formButtons     = "buttons"
	formList        = "list"
	formTemplate    = "template"
	formInteractive = "interactive"
)

// Choice is one that can be answered.
type Choice struct {
	Label string `json:"label"`
	ID    string `json:"id"`
	// Index is its place among the buttons, Flow the name of the form that it belongs to, About its description.
	Index uint32 `json:"index,omitempty"`
	Flow  string `json:"flow,omitempty"`
	About string `json:"about,omitempty"`
}

// offer is a message of a business as it is read: its words, what can be chosen, and a message with the file at its head.
type offer struct {
	lines []string
	menu  Menu
	head  *waE2E.Message
}

func (o *offer) say(text string) {
	if text = strings.TrimSpace(clean(text)); text != "" {
		o.lines = append(o.lines, clip(text, maxBody/4))
	}
}

// choose adds a choice, which is shown with its number.
func (o *offer) choose(c Choice) {
	if c.Label = clip(oneLine(c.Label), maxShownText); c.Label == "" || len(o.menu.Choices) == maxChoices {
		return
	}
	c.ID, c.About = clip(c.ID, maxShownText), clip(oneLine(c.About), maxShownText)
	o.menu.Choices = append(o.menu.Choices, c)
	line := fmt.Sprintf("%d. %s", len(o.menu.Choices), c.Label)
	if c.About != "" {
		line += " – " + c.About
	}
	o.lines = append(o.lines, line)
}

// link shows a button that is not answered but followed.
func (o *offer) link(label, target string) {
	if target = oneLine(target); target != "" {
		o.say("• " + strings.TrimSpace(oneLine(label)+": "+clip(target, maxShownText)))
	}
}

// offerOf reads a message of a business; it reports false for anything else.
func offerOf(msg *waE2E.Message) (offer, bool) {
	o := offer{}
	if hsm := msg.GetHighlyStructuredMessage(); hsm != nil {
		msg = &waE2E.Message{TemplateMessage: hsm.GetHydratedHsm()}
		if msg.TemplateMessage == nil {
			o.say(strings.Join(hsm.GetParams(), " "))
		}
	}
	switch {
	case msg.TemplateMessage != nil:
		o.template(msg.TemplateMessage)
	case msg.ButtonsMessage != nil:
		o.buttons(msg.ButtonsMessage)
	case msg.ListMessage != nil:
		o.list(msg.ListMessage)
	case msg.InteractiveMessage != nil:
		o.menu.Form = formInteractive
		o.interactive(msg.InteractiveMessage, 0)
	case msg.ProductMessage != nil:
		o.product(msg.ProductMessage)
	}
	return o, len(o.lines) > 0 || o.head != nil
}

func (o *offer) template(m *waE2E.TemplateMessage) {
	o.menu.Form = formTemplate
	t := cmp.Or(m.GetHydratedTemplate(), m.GetHydratedFourRowTemplate())
	if t == nil {
		if inner := m.GetInteractiveMessageTemplate(); inner != nil {
			o.menu.Form = formInteractive
			o.interactive(inner, 0)
		}
		return
	}
	o.head = headOf(&waE2E.Message{ImageMessage: t.GetImageMessage(), VideoMessage: t.GetVideoMessage(), DocumentMessage: t.GetDocumentMessage()})
	o.say(t.GetHydratedTitleText())
	o.say(t.GetHydratedContentText())
	o.say(t.GetHydratedFooterText())
	for _, b := range t.GetHydratedButtons() {
		o.link(b.GetUrlButton().GetDisplayText(), b.GetUrlButton().GetURL())
		o.link(b.GetCallButton().GetDisplayText(), b.GetCallButton().GetPhoneNumber())
		if reply := b.GetQuickReplyButton(); reply != nil {
			o.choose(Choice{Label: reply.GetDisplayText(), ID: reply.GetID(), Index: b.GetIndex()})
		}
	}
}

func (o *offer) buttons(m *waE2E.ButtonsMessage) {
	o.menu.Form = formButtons
	o.head = headOf(&waE2E.Message{ImageMessage: m.GetImageMessage(), VideoMessage: m.GetVideoMessage(), DocumentMessage: m.GetDocumentMessage()})
	o.say(m.GetText())
	o.say(m.GetContentText())
	o.say(m.GetFooterText())
	for _, b := range m.GetButtons() {
		o.choose(Choice{Label: b.GetButtonText().GetDisplayText(), ID: b.GetButtonID()})
	}
}

func (o *offer) list(m *waE2E.ListMessage) {
	o.menu.Form = formList
	o.say(m.GetTitle())
	o.say(m.GetDescription())
	o.say(m.GetFooterText())
	for _, section := range m.GetSections() {
		o.say(section.GetTitle())
		for _, row := range section.GetRows() {
			o.choose(Choice{Label: row.GetTitle(), ID: row.GetRowID(), About: row.GetDescription()})
		}
	}
	products := 0
	for _, section := range m.GetProductListInfo().GetProductSections() {
		products += len(section.GetProducts())
	}
	if products > 0 {
		o.say(fmt.Sprintf("%d products. Open WhatsApp to see them.", products))
	}
}

// interactive reads the newest form. Cards that stand in it are of the same form.
func (o *offer) interactive(m *waE2E.InteractiveMessage, depth int) {
	header := m.GetHeader()
	if head := headOf(&waE2E.Message{ImageMessage: header.GetImageMessage(), VideoMessage: header.GetVideoMessage(), DocumentMessage: header.GetDocumentMessage()}); o.head == nil {
		o.head = head
	}
	o.say(header.GetTitle())
	o.say(header.GetSubtitle())
	if product := header.GetProductMessage(); product != nil {
		o.product(product)
	}
	o.say(m.GetBody().GetText())
	o.say(m.GetFooter().GetText())
	for _, b := range m.GetNativeFlowMessage().GetButtons() {
		o.flow(b)
	}
	switch {
	case m.GetShopStorefrontMessage() != nil, m.GetCollectionMessage() != nil:
		o.say("A shop. Open WhatsApp to see it.")
	case m.GetCarouselMessage() != nil && depth == 0:
		cards := m.GetCarouselMessage().GetCards()
		for n, card := range cards[:min(len(cards), 20)] {
			o.say(fmt.Sprintf("— %d —", n+1))
			o.interactive(card, depth+1)
		}
	}
}

// flow reads a button whose parameters are JSON.
func (o *offer) flow(b *waE2E.InteractiveMessage_NativeFlowMessage_NativeFlowButton) {
	var params struct {
		Text     string `json:"display_text"`
		Title    string `json:"title"`
		ID       string `json:"id"`
		URL      string `json:"url"`
		Phone    string `json:"phone_number"`
		Code     string `json:"copy_code"`
		Sections []struct {
			Title string `json:"title"`
			Rows  []struct {
				ID          string `json:"id"`
				Title       string `json:"title"`
				Description string `json:"description"`
			} `json:"rows"`
		} `json:"sections"`
	}
	if len(b.GetButtonParamsJSON()) > maxBody || json.Unmarshal([]byte(b.GetButtonParamsJSON()), &params) != nil {
		return
	}
	switch b.GetName() {
	case "cta_url":
		o.link(params.Text, params.URL)
	case "cta_call":
		o.link(params.Text, params.Phone)
	case "cta_copy":
		o.link(params.Text, params.Code)
	case "single_select":
		o.say(params.Title)
		for _, section := range params.Sections {
			o.say(section.Title)
			for _, row := range section.Rows {
				o.choose(Choice{Label: row.Title, ID: row.ID, Flow: b.GetName(), About: row.Description})
			}
		}
	case "quick_reply":
		o.choose(Choice{Label: params.Text, ID: params.ID, Flow: b.GetName()})
	default:
		if params.Text != "" {
			o.say("• " + oneLine(params.Text) + " (in WhatsApp on your phone only)")
		}
	}
}

func (o *offer) product(m *waE2E.ProductMessage) {
	product, catalog := m.GetProduct(), m.GetCatalog()
	if o.head == nil {
		o.head = headOf(&waE2E.Message{ImageMessage: cmp.Or(product.GetProductImage(), catalog.GetCatalogImage())})
	}
	o.say("🛍 " + cmp.Or(oneLine(product.GetTitle()), oneLine(catalog.GetTitle()), "A product"))
	o.say(product.GetDescription())
	o.say(catalog.GetDescription())
	if price := money(product.GetPriceAmount1000(), product.GetCurrencyCode()); price != "" {
		if sale := product.GetSalePriceAmount1000(); sale > 0 {
			price = money(sale, product.GetCurrencyCode()) + " instead of " + price
		}
		o.say(price)
	}
	o.link("See", product.GetURL())
	o.say(m.GetBody())
	o.say(m.GetFooter())
}

// money writes an amount in thousandths; "" when there is none.
func money(thousandths int64, currency string) string {
	if thousandths == 0 {
		return ""
	}
	return strings.TrimSpace(strconv.FormatFloat(float64(thousandths)/1000, 'f', 2, 64) + " " + clip(oneLine(currency), 10))
}

// headOf is a message with the file of a header; nil when there is none.
func headOf(msg *waE2E.Message) *waE2E.Message {
	if _, ok := mediaFile(msg); !ok {
		return nil
	}
	return msg
}

// text is all that a message of a business says.
func (o offer) text() string {
	lines := slices.Clone(o.lines)
	if len(o.menu.Choices) > 0 {
		lines = append(lines, "To choose, reply to this message with the number.")
	}
	return clip(strings.Join(lines, "\n"), maxBody*3/4)
}

// businessToMatrix shows a message of a business: its words, with the number of each choice, under its picture.
func businessToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	o, ok := offerOf(msg)
	if !ok {
		return nil
	}
	if o.head == nil {
		return textToMatrix(o.text())
	}
	content := mediaToMatrix(o.head)
	content.Body = cmp.Or(o.text(), content.Body)
	return content
}

// MenuFromWhatsApp reads what can be chosen in a message; it reports false when there is nothing.
func MenuFromWhatsApp(msg *waE2E.Message) (Menu, bool) {
	o, ok := offerOf(unwrap(msg))
	return o.menu, ok && len(o.menu.Choices) > 0
}

// Choose finds the choice that somebody means: by its number, or by its words.
func (m Menu) Choose(text string) (Choice, bool) {
	text = strings.TrimSuffix(strings.TrimSpace(text), ".")
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > len(m.Choices) {
			return Choice{}, false
		}
		return m.Choices[n-1], true
	}
	i := slices.IndexFunc(m.Choices, func(c Choice) bool { return strings.EqualFold(c.Label, text) })
	if i < 0 {
		return Choice{}, false
	}
	return m.Choices[i], true
}

// ChoiceToWhatsApp makes the message that answers a menu, which it quotes.
func (m Menu) ChoiceToWhatsApp(c Choice, to Reply) *waE2E.Message {
	about := contextOf(ReplyToWhatsApp(TextToWhatsApp(c.Label), to))
	switch m.Form {
	case formList:
		return &waE2E.Message{ListResponseMessage: &waE2E.ListResponseMessage{Title: proto.String(c.Label), Description: proto.String(c.About),
			ListType:          waE2E.ListResponseMessage_SINGLE_SELECT.Enum(),
			SingleSelectReply: &waE2E.ListResponseMessage_SingleSelectReply{SelectedRowID: proto.String(c.ID)}, ContextInfo: about}}
	case formTemplate:
		return &waE2E.Message{TemplateButtonReplyMessage: &waE2E.TemplateButtonReplyMessage{SelectedID: proto.String(c.ID),
			SelectedDisplayText: proto.String(c.Label), SelectedIndex: proto.Uint32(c.Index), ContextInfo: about}}
	case formInteractive:
		params, _ := json.Marshal(map[string]string{"id": c.ID, "display_text": c.Label}) // strings always encode
		const version = 3
		return &waE2E.Message{InteractiveResponseMessage: &waE2E.InteractiveResponseMessage{
			Body: &waE2E.InteractiveResponseMessage_Body{Text: proto.String(c.Label)}, ContextInfo: about,
			InteractiveResponseMessage: &waE2E.InteractiveResponseMessage_NativeFlowResponseMessage_{
				NativeFlowResponseMessage: &waE2E.InteractiveResponseMessage_NativeFlowResponseMessage{
					Name: proto.String(c.Flow), ParamsJSON: proto.String(string(params)), Version: proto.Int32(version)}},
		}}
	}
	return &waE2E.Message{ButtonsResponseMessage: &waE2E.ButtonsResponseMessage{SelectedButtonID: proto.String(c.ID),
		Type: waE2E.ButtonsResponseMessage_DISPLAY_TEXT.Enum(), ContextInfo: about,
		Response: &waE2E.ButtonsResponseMessage_SelectedDisplayText{SelectedDisplayText: c.Label}}}
}

// choiceToMatrix shows what somebody has chosen.
func choiceToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	text := cmp.Or(
		msg.GetButtonsResponseMessage().GetSelectedDisplayText(), msg.GetButtonsResponseMessage().GetSelectedButtonID(),
		msg.GetListResponseMessage().GetTitle(), msg.GetListResponseMessage().GetSingleSelectReply().GetSelectedRowID(),
		msg.GetTemplateButtonReplyMessage().GetSelectedDisplayText(), msg.GetTemplateButtonReplyMessage().GetSelectedID(),
		msg.GetInteractiveResponseMessage().GetBody().GetText(), msg.GetInteractiveResponseMessage().GetNativeFlowResponseMessage().GetParamsJSON(),
	)
	if text = clip(clean(text), maxBody/4); strings.TrimSpace(text) == "" {
		return nil
	}
	return textToMatrix(text)
}
