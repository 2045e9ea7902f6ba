package main

// ends are the guards of how the bridge starts and stops.
func ends() []mutant {
	return []mutant{
		{
			name: "gives up when the homeserver is not there yet",
			file: "matrix/start.go",
			old:  "		if !mayCome(err) {", new: "		if !mayCome(err) || looks == 0 {",
			pkg: "./matrix", tests: "TestStartWaitsForTheHomeserver",
		},
		{
			name: "waits for what no wait can mend",
			file: "matrix/start.go",
			old:  "isAway(err) && !wrong &&", new: "isAway(err) && (wrong || !wrong) &&",
			pkg: "./matrix", tests: "TestStartEndsWhatCannotMend",
		},
		{
			name: "waits for the library's handshake before it stops",
			file: "whatsapp/whatsapp.go",
			old:  "		go func() {\n			<-done\n			end()\n		}()\n", new: "		<-done\n		end()\n",
			pkg: "./whatsapp", tests: "TestStopDuringAHandshake",
		},
	}
}
