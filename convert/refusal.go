package convert

// Refusal is the error for content that WhatsApp does not take as it is. Text is a sentence for its sender that says what
// to do, Code names it for programs.
type Refusal struct {
	Code, Text string
}

func (r Refusal) Error() string { return r.Text }
