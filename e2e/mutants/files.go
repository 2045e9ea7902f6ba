package main

// files are the guards of what moves files.
func files() []mutant {
	return []mutant{
		{
			name: "keeps whole files in memory",
			file: "media/file.go",
			old:  "	n, err := io.Copy(f, io.LimitReader(r, f.limit+1))\n",
			new:  "	all, err := io.ReadAll(r)\n	n := int64(len(all))\n	_, err = f.Write(all)\n",
			pkg:  "./media", tests: "TestBigFileTakesNoMemory",
		},
		{
			name: "takes files of any size",
			file: "media/file.go",
			old:  "	if end <= f.limit+overhead {", new: "	if end >= 0 {",
			pkg: "./media", tests: "TestFileIsLimited",
		},
		{
			name: "leaves the files of a crash behind",
			file: "media/media.go",
			old:  "named := os.Remove(file.Name()) != nil", new: "named := file.Name() != \"\"",
			pkg: "./media", tests: "TestNothingIsLeft",
		},
		{
			name: "waits for ever for what stands still",
			file: "media/media.go",
			old:  "func() { cancel(ErrStalled) }", new: "func() {}",
			pkg: "./media", tests: "TestTransferThatStandsStillEnds",
		},
		{
			name: "draws pictures that take all memory",
			file: "media/picture.go",
			old:  "pixels <= 0 || pixels > maxDrawing || pixels*cost(f.section(), look.MIME)/100 > maxDrawing", new: "pixels <= 0 || pixels > 1<<24",
			pkg: "./media", tests: "TestWhatCannotBeDrawn",
		},
		{
			name: "brings a file again to Matrix when the send is repeated",
			file: "matrix/bring.go",
			old:  "	return a, s.out.Progress(ctx, e, a)", new: "	return a, nil",
			pkg: "./matrix", tests: "TestFileIsMovedOnce",
		},
		{
			name: "sends another copy of a file when the send is repeated",
			file: "whatsapp/attach.go",
			old:  "	return a, s.sessions.edge.out.Progress(ctx, e, a)", new: "	return a, nil",
			pkg: "./whatsapp", tests: "TestFileIsMovedOnce",
		},
		{
			name: "tries for ever to bring a file to Matrix",
			file: "matrix/bring.go",
			old:  "s.files.Depot.Failed(e.ID) >= bringTries", new: "s.files.Depot.Failed(e.ID) < 0",
			pkg: "./matrix", tests: "TestNoticeInPlaceOfAFile",
		},
		{
			name: "shows as a picture what is none",
			file: "matrix/show.go",
			old:  `msgtype == "m."+class`, new: `msgtype != ""`,
			pkg: "./matrix", tests: "TestWhatIsNoPictureIsAFile",
		},
	}
}

// forms are the guards of what brings files into other forms.
func forms() []mutant {
	return []mutant{
		{
			name: "lets ffmpeg guess what a file is",
			file: "media/transcode/recipe.go",
			old:  `"file,pipe", "-f", format}`, new: `"file,pipe,crypto,concat"}`,
			pkg: "./media/transcode", tests: "TestNothingElseIsRead",
		},
		{
			name: "lets ffmpeg take all memory",
			file: "media/transcode/child_linux.go",
			old:  "	set(unix.RLIMIT_AS, maxMemory)\n", new: "",
			pkg: "./media/transcode", tests: "TestChildIsCurbed",
		},
		{
			name: "takes a film for whole that was cut off at its limit",
			file: "media/transcode/recipe.go",
			old:  "info.Size() >= target.Limit:", new: "info.Size() < 0:",
			pkg: "./media/transcode", tests: "TestOutputIsLimited",
		},
		{
			name: "does not tell the sender what became of a file",
			file: "whatsapp/sender.go",
			old:  "	return s.remarked(a), nil", new: "	return nil, nil",
			pkg: "./whatsapp", tests: "TestFilesToWhatsApp",
		},
	}
}
