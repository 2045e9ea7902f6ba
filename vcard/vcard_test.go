package vcard

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []Card
	}{
		"of WhatsApp": {
			"BEGIN:VCARD\nVERSION:3.0\nN:Miller;Ann;;Dr.;\nFN:Ann Miller\nitem1.TEL;waid=15550100:+1 555-0100\nitem1.X-ABLabel:Mobile\nORG:Tea;Cake\nEND:VCARD",
			[]Card{{Name: "Ann Miller", Numbers: []string{"+1 555-0100"}, Others: []string{"Tea, Cake"}}},
		},
		"two, folded and escaped": {
			"\ufeffbegin:vcard\r\nFN:A\\, B\r\n  and C\r\nEMAIL;TYPE=work:a@b.c\r\nEND:VCARD\r\nnoise\r\nBEGIN:VCARD\r\nN:Only;The;Name\r\nTEL;VALUE=uri:tel:+49-1\r\nEND:VCARD\r\n",
			[]Card{{Name: "A, B and C", Others: []string{"a@b.c"}}, {Name: "The Name Only", Numbers: []string{"+49-1"}}},
		},
		"the oldest version": {
			"BEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCr=\ngen\nTEL;CELL:1\nTEL;HOME:1\nADR:;;Street 1;Town;;12345;\nEND:VCARD",
			[]Card{{Name: "Jürgen", Numbers: []string{"1"}, Others: []string{"Street 1, Town, 12345"}}},
		},
		"without an end": {"BEGIN:VCARD\nFN:A", nil},
		"without a name": {"BEGIN:VCARD\nORG:Cake\nTEL:\nnonsense\nEND:VCARD", []Card{{Name: "Cake", Others: []string{"Cake"}}}},
		"none":           {"hello", nil},
		"too big":        {"BEGIN:VCARD\nEND:VCARD" + strings.Repeat("x", MaxSize), nil},
	} {
		got := Read(c.text)
		for i := range got {
			if !IsCard(got[i].Text) || !strings.HasSuffix(got[i].Text, "\n") || len(Read(got[i].Text)) != 1 {
				t.Errorf("%s: the text is %q", name, got[i].Text)
			}
			got[i].Text = ""
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if IsCard("x") || !IsCard("\ufeff \nBegin:VCard") {
		t.Error("what is a card")
	}
}

func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	many := Read(strings.Repeat("BEGIN:VCARD\nFN:A\nEND:VCARD\n", 30_000))
	if len(many) != MaxCards {
		t.Errorf("got %d cards", len(many))
	}
	long := Read("BEGIN:VCARD\nFN:" + strings.Repeat("é", 400_000) + "\n" + strings.Repeat("TEL:1\n x\n", 10_000) + "END:VCARD")
	if len(long) != 1 || len(long[0].Name) > maxValue+3 || len(long[0].Numbers) > maxValues {
		t.Errorf("got %d cards", len(long))
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("BEGIN:VCARD\nFN;ENCODING=QUOTED-PRINTABLE:=C3=BC=\n x\nEND:VCARD")
	f.Fuzz(func(t *testing.T, text string) {
		for _, card := range Read(text) {
			if !IsCard(card.Text) || strings.ContainsAny(card.Name, "\x00\n") || len(card.Name) > 5*(maxValue+4) {
				t.Fatalf("the card %+v", card)
			}
		}
	})
}
