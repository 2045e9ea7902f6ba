package config

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
)

// contact is what the displayname template may use.
type contact struct {
	// PushName is the name people gave themselves on WhatsApp.
	PushName string
	// Phone is the number with a plus sign.
	Phone string
}

// ContactName returns the function behind whatsapp.displayname: the Matrix
// name of a contact from the name that it gave itself and its phone number
// (with a plus sign), both of which may be empty.
func (w WhatsApp) ContactName() (func(pushName, phone string) string, error) {
	parsed, err := template.New("displayname").Parse(w.Displayname)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: displayname:1: "))
	}
	name := func(pushName, phone string) (string, error) {
		var text strings.Builder
		err := parsed.Execute(&text, contact{PushName: pushName, Phone: phone})
		return strings.TrimSpace(text.String()), err
	}
	// Each branch that a template is likely to have is tried once, since one
	// that fails would only be met when such a contact writes.
	for _, sample := range []contact{{"Ada", "+15550100"}, {"", "+15550100"}, {"Ada", ""}} {
		text, err := name(sample.PushName, sample.Phone)
		if err != nil {
			_, where, _ := strings.Cut(err.Error(), " at ")
			return nil, errors.New(where)
		}
		if text == "" {
			return nil, fmt.Errorf("it gives an empty name for push name %q and phone %q", sample.PushName, sample.Phone)
		}
	}
	return func(pushName, phone string) string {
		text, _ := name(pushName, phone)
		return text
	}, nil
}
