package features

func places() []Row {
	return []Row{
		{
			Kind: "location", Direction: BothWays,
			Matrix:   []string{"m.location", "geo_uri", "org.matrix.msc3488.location"},
			WhatsApp: []string{"locationMessage"},
			Limits:   "With name, address, link, uncertainty and the small map to Matrix; with words and uncertainty to WhatsApp. What is nowhere on earth is only named, or answered with a notice. A location that was sent from Matrix cannot be edited on WhatsApp.",
			Tests: []string{"e2e.TestKinds:placesFromWhatsApp", "e2e.TestKinds:placesFromMatrix", "convert.TestGoldenFiles/testdata/location/named",
				"convert.TestGoldenFiles/testdata/location/matrix"},
		},
		{
			Kind: "live location", Direction: BothWays,
			Matrix:   []string{"m.location", "org.matrix.msc3672.beacon_info", "org.matrix.msc3672.beacon", "m.beacon_info", "m.beacon"},
			WhatsApp: []string{"liveLocationMessage"},
			Limits:   "WhatsApp gives linked devices the start; where more comes it moves the location by an edit, at most every 15 seconds. Linked devices cannot move a live location of their own: from Matrix the first place, then one every five minutes at most, go as plain locations in reply to the first, and a text says when it is over.",
			Tests: []string{"e2e.TestKinds:liveFromWhatsApp", "e2e.TestKinds:liveFromMatrix", "portal.TestLiveLocationFromWhatsApp", "portal.TestLiveLocationFromMatrix",
				"convert.TestGoldenFiles/testdata/location/live"},
		},
		{
			Kind: "contacts", Direction: BothWays,
			Matrix: []string{"m.file"}, WhatsApp: []string{"contactMessage", "contactsArrayMessage"},
			Limits: "A file of type `text/vcard` with all cards, and what is on them as its caption. From Matrix such a file of up to 1 MiB and 257 cards becomes contacts; with a caption, which contacts have no place for, it stays a document.",
			Tests: []string{"e2e.TestKinds:contactsFromWhatsApp", "e2e.TestKinds:contactsFromMatrix", "convert.TestGoldenFiles/testdata/contact/one",
				"convert.TestGoldenFiles/testdata/contact/several", "vcard.TestRead", "vcard.TestReadIsBounded"},
		},
	}
}
