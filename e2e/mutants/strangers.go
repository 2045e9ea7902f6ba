package main

// strangers are the guards against what other people's programs may send.
func strangers() []mutant {
	return []mutant{
		{
			name: "journals a message under a key that no index takes",
			file: "inbox/inbox.go",
			old:  `bounded(strings.ReplaceAll(key, "\x00", ""))`, new: `strings.ReplaceAll(key, "\x00", "")`,
			pkg: "./inbox", tests: "TestEndlessMessageID",
		},
		{
			name: "takes two messages whose long IDs begin alike for one",
			file: "inbox/strange.go",
			old:  "sha256.Sum256([]byte(key))", new: "sha256.Sum256([]byte(key[:maxKey]))",
			pkg: "./inbox", tests: "TestEndlessMessageID",
		},
		{
			name: "makes rows of names that no row can hold",
			file: "inbox/strange.go",
			old:  "		if len(name) > maxJID || ", new: "		if len(name) < 0 || ",
			pkg: "./inbox", tests: "TestEndlessNames",
		},
	}
}
