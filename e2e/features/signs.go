package features

func signs() []Row {
	return []Row{
		{
			Kind: "read", Direction: BothWays,
			Matrix: []string{"m.read", "m.read.private"}, WhatsApp: []string{"read receipts"},
			Limits: "A private receipt tells one's own phone only. Synapse keeps private receipts from application services.",
			Tests:  []string{"e2e.TestSigns:readOnWhatsApp", "e2e.TestSigns:readOnMatrix", "portal.TestReadOnMatrixIsToldToEachWriterOnce", "portal.TestReadOnWhatsAppIsShown", "whatsapp.TestSendReceipt"},
		},
		{
			Kind: "typing", Direction: BothWays,
			Matrix: []string{"m.typing"}, WhatsApp: []string{"chat presence"},
			Limits: "Not journaled: what cannot be shown at once is dropped. WhatsApp tells it only to devices that are shown as online, which the bridge is not yet.",
			Tests:  []string{"e2e.TestSigns:typingOnWhatsApp", "e2e.TestSigns:typingOnMatrix", "live.TestTypingOnWhatsAppIsShown", "live.TestTypingOnMatrixIsTold"},
		},
	}
}
