package main

import "slices"

// mutants lists the guards. Each is named by what the bridge would do without it.
func mutants() []mutant {
	return slices.Concat(edges(), arrivals(), absences(), ends(), feedback(), changes(), storage(), strangers(), promises(), files(), forms(), life(), kept(), texts(), mentions())
}

// edges are the guards where the bridge meets the outside.
func edges() []mutant {
	return []mutant{
		{
			name: "lets each lane ask for a homeserver that is away",
			file: "matrix/gate.go",
			old:  "	if !isAway(err) {\n", new: "	if !isAway(err) || isAway(err) {\n",
			pkg: "./matrix", tests: "TestOneProbeWhileTheHomeserverIsAway",
		},
		{
			name: "acknowledges Matrix events that it could not journal",
			file: "matrix/transaction.go",
			old:  "ephemeral); err != nil {", new: "ephemeral); err != nil && len(transaction.Events) < 0 {",
			pkg: "./matrix", tests: "TestPushIsTriedAgain",
		},
		{
			name: "acknowledges WhatsApp messages that it could not journal",
			file: "whatsapp/handler.go",
			old:  "		s.fail(err)\n	}\n	return err == nil", new: "	}\n	return true",
			pkg: "./whatsapp", tests: "TestNothingIsAcknowledgedThatIsNotStored",
		},
		{
			name: "sends with a new WhatsApp ID at each try",
			file: "whatsapp/sender.go",
			old:  "whatsmeow.SendRequestExtra{ID: a.Message.ID}", new: "whatsmeow.SendRequestExtra{ID: live.client.GenerateMessageID()}",
			pkg: "./whatsapp", tests: "TestSendAgainAfterLostAnswer",
		},
		{
			name: "makes rooms without an alias",
			file: "matrix/newroom.go",
			old:  "RoomAliasName:   s.aliasOf(p.ID),", new: "",
			pkg: "./matrix", tests: "TestRoomOnceThoughAnswersAreLost",
		},
		{
			name: "sends with a new transaction ID at each try",
			file: "matrix/event.go",
			old:  `"send", a.Type, txnID(a.Txn)}`, new: `"send", a.Type, txnID(a.Txn + s.bot().TxnID())}`,
			pkg: "./matrix", tests: "TestSendEventWithoutMessageOnceThoughTheAnswerIsLost",
		},
		{
			name: "sends again what the homeserver has, after the homeserver forgot the transaction",
			file: "matrix/sender.go",
			old:  "return e.Attempts > 0 || e.Added.Before(s.started)", new: "return false",
			pkg: "./matrix", tests: "TestSendEventOnceThoughTheAnswerIsLost",
		},
		{
			name: "removes again what is removed, after the homeserver forgot the transaction",
			file: "matrix/event.go",
			old:  "case repeat && a.Type == event.EventRedaction.Type", new: "case false && a.Type == event.EventRedaction.Type",
			pkg: "./matrix", tests: "TestRedactionOnceThoughTheAnswerIsLost",
		},
	}
}

// arrivals are the guards of what comes in.
func arrivals() []mutant {
	return []mutant{
		{
			name: "journals an event again that is pushed again",
			file: "inbox/matrix.go",
			old:  `"matrix/"+env.ID.String()`, new: `"matrix/"+env.ID.String()+rand.Text()`,
			imports: "crypto/rand",
			pkg:     "./inbox", tests: "TestMatrixEventsOnce",
		},
		{
			name: "believes a create event of anybody",
			file: "inbox/matrix.go",
			old:  " && env.Sender == in.bot", new: "",
			pkg: "./inbox", tests: "TestCreateEventSettlesRoom",
		},
		{
			name: "takes a room of an earlier database for another chat's",
			file: "inbox/matrix.go",
			old:  "ChatOf(portal) != chat", new: "ChatOf(portal) != chat && chat == \"\"",
			pkg: "./inbox", tests: "TestCreateEventSettlesRoom",
		},
	}
}

// feedback are the guards of what people are told.
func feedback() []mutant {
	return []mutant{
		{
			name: "calls a message delayed after it was sent",
			file: "matrix/status.go",
			old:  "err != nil || !open {", new: "err != nil || !open && while == \"\" {",
			pkg: "./matrix", tests: "TestDelayIsNotToldTooLate",
		},
		{
			name: "calls a message only sent after it was delivered",
			file: "matrix/status.go",
			old:  "return s.out.Knows(ctx, unless)", new: "return false, nil",
			pkg: "./matrix", tests: "TestSentDoesNotUndoDelivered",
		},
		{
			name: "tells nobody of a dead letter",
			file: "queue/worker.go",
			old:  "if w.opts.Buried != nil {", new: "if w.opts.Buried != nil && e.ID < 0 {",
			pkg: "./queue", tests: "TestBuriedIsTold",
		},
		{
			name: "forgets that what is tried again by hand was tried",
			file: "queue/deadletter.go",
			old:  "SET state=0, attempts=1,", new: "SET state=0, attempts=0,",
			pkg: "./queue", tests: "TestDeadLetters",
		},
		{
			name: "gives up for its age what is tried again by hand",
			file: "queue/deadletter.go",
			old:  "added_at=$3,", new: "added_at=CASE WHEN $3=0 THEN 0 ELSE added_at END,",
			pkg: "./queue", tests: "TestDeadLetters",
		},
		{
			name: "tells of a second failure nothing",
			file: "portal/status.go",
			old:  `Txn: "status-" + why.Code + why.Occasion + "-"`, new: `Txn: "status-" + why.Code + "-"`,
			pkg: "./portal", tests: "TestFailureIsToldAtEachOccasion",
		},
		{
			name: "lets users act on dead letters",
			file: "command/queue.go",
			old:  "if !c.permit.IsAdmin(in.user) {", new: "if in.user == \"\" {",
			pkg: "./command", tests: "TestQueueOfAUser",
		},
		{
			name: "shows a user the queue of others",
			file: "command/queue.go",
			old:  "return b.logins[s.Login]", new: "return true",
			pkg: "./command", tests: "TestQueueShowsOnlyTheirOwn|TestQueueOfAUser",
		},
		{
			name: "journals a delivery receipt for each device",
			file: "inbox/feedback.go",
			old:  `fmt.Sprintf("delivered/%s/%d/%s", r.Login, portal, message)`, new: `fmt.Sprintf("delivered/%s/%d/%s/%s", r.Login, portal, message, rand.Text())`,
			imports: "crypto/rand",
			pkg:     "./inbox", tests: "TestDeliveredOnce",
		},
	}
}

// changes are the guards of what changes an earlier message.
func changes() []mutant {
	return []mutant{
		{
			name: "does not let an early edit wait for its message",
			file: "portal/edit.go",
			old:  "missing && wait > 0 {", new: "missing && wait > 0 && wait < 0 {",
			pkg: "./portal", tests: "TestEarlyEditWaits",
		},
		{
			name: "lets a later edit overtake an earlier one that still waits",
			file: "portal/edit.go",
			old:  "if waits || missing {", new: "if waits && missing || missing {",
			pkg: "./portal", tests: "TestEarlyEditWaits",
		},
		{
			name: "does not wake what waits for a message that has come",
			file: "portal/message.go",
			old:  "return p.in.Provide(ctx, inbox.MessageOf(row.MessageKey))", new: "return nil",
			pkg: "./dispatch", tests: "TestEditBeforeItsMessage",
		},
		{
			name: "lets an earlier edit undo a later one",
			file: "portal/edit.go",
			old:  " || row.Edited.After(s.at())", new: "",
			pkg: "./portal", tests: "TestEditFromWhatsApp",
		},
		{
			name: "lets everybody delete what others said",
			file: "portal/redaction.go",
			old:  "return role != \"\", err", new: "return role != \"x\", err",
			pkg: "./portal", tests: "TestRedactionByAnAdmin",
		},
		{
			name: "shows what was deleted before it came",
			file: "portal/redaction.go",
			old:  "_, err := p.db.AddMessage(ctx, database.Message{MessageKey: target, Removed: true, Sent: s.at()})\n		return err", new: "return nil",
			pkg: "./portal", tests: "TestRedactionsFromWhatsApp",
		},
		{
			name: "shows two reactions of one person",
			file: "portal/reaction.go",
			old:  "if err := p.unreact(ctx, old, by); err != nil || by != nil {", new: "if err := error(nil); err != nil || by != nil {",
			pkg: "./portal", tests: "TestReactionsFromWhatsApp",
		},
	}
}

// storage are the guards of the queues and the database.
func storage() []mutant {
	return []mutant{
		{
			name: "goes on in a transaction that SQLite has ended",
			file: "database/transaction.go",
			old:  "		c.ended = err\n", new: "		_ = c.ended\n",
			pkg: "./database", tests: "TestTransactionThatSQLiteHasEnded",
		},
		{
			name: "waits for ever for a database that has fallen silent",
			file: "database/open.go",
			old:  "	connector.Dialer(dialer)\n", new: "",
			pkg: "./database", tests: "TestServerFallsSilent",
		},
		{
			name: "lets each lane find out for itself that the database is away",
			file: "queue/outage.go",
			old:  "w.outage.away.Swap(true)", new: "w.outage.away.Swap(false)",
			pkg: "./queue", tests: "TestDatabaseTakesNoWrites",
		},
		{
			name: "works a lane's next entry while its head waits to be tried again",
			file: "queue/read.go",
			old:  "WHERE queue=$1 AND lane=$2 AND state=0 ORDER BY id LIMIT $3`, q.name, lane, n)",
			new:  "WHERE queue=$1 AND lane=$2 AND state=0 AND not_before<=$4 ORDER BY id LIMIT $3`, q.name, lane, n, time.Now().UnixMilli())",
			pkg:  "./queue", tests: "TestRestartKeepsTheWait|TestRandomSchedule",
		},
		{
			name: "works an entry whose decision another has closed",
			file: "queue/close.go",
			old:  "closed_at=$3 WHERE id=$1 AND state=0`,\n		e.ID, clip(remark)", new: "closed_at=$3 WHERE id=$1`,\n		e.ID, clip(remark)",
			pkg: "./queue", tests: "TestTwoWorkers",
		},
		{
			name: "never looks again for what a parked entry waits for",
			file: "queue/close.go",
			old:  "e.ID, look.UnixMilli(), text(name)", new: "e.ID, limit.UnixMilli(), text(name)",
			pkg: "./queue", tests: "TestParkLooksAgain",
		},
		{
			name: "keeps what people wrote after it was delivered",
			file: "queue/close.go",
			old:  "SET state=1, payload=NULL,", new: "SET state=1,",
			pkg: "./queue", tests: "TestDoneErasesPayload",
		},
		{
			name: "tells the worker of work before it is durable",
			file: "database/database.go",
			old:  "	if !inside {\n		fn()\n		return\n	}", new: "	fn()\n	if !inside {\n		return\n	}",
			pkg: "./database", tests: "TestAfterCommit",
		},
		{
			name: "lets one failing write take the others of its commit down",
			file: "database/batch.go",
			old:  "batch[failed].err = db.alone(batch[failed], err)", new: "finish(batch, err)\n			return",
			pkg: "./database", tests: "TestFailingWritesFailAlone",
		},
	}
}

// promises are the guards without which something is lost, doubled or overtaken, each in a place of its own.
func promises() []mutant {
	return []mutant{
		{
			name: "settles an action before it is carried out",
			file: "queue/worker.go",
			old:  "	settle, err := w.handle(ctx, e)\n	if err != nil {\n		return err\n	}",
			new: "	_ = w.db.Write(ctx, func(ctx context.Context) error { return w.queue.done(ctx, e, \"\") })\n" +
				"	settle, err := w.handle(ctx, e)\n	if err != nil {\n		return err\n	}",
			pkg: "./queue", tests: "TestFailureBlocksItsLane|TestRestartResumesInOrder",
		},
		{
			name: "drops work when all places of a kind are taken",
			file: "queue/lanes.go",
			old:  "	default:\n		k.state[l] = waiting\n", new: "	default:\n		if k.busy >= s.limit {\n			return\n		}\n		k.state[l] = waiting\n",
			pkg: "./queue", tests: "TestHintWhileWorking",
		},
		{
			name: "gives up what would have to wait (no park)",
			file: "queue/worker.go",
			old:  "return w.queue.park(ctx, e, park.Name, time.Now().Add(wait), limitOf(e, park))", new: "return w.queue.done(ctx, e, park.Name)",
			pkg: "./queue", tests: "TestParkIsWoken|TestParkLooksAgain",
		},
		{
			name: "journals a WhatsApp message again that is delivered again",
			file: "inbox/inbox.go",
			old:  "return in.add(ctx, ChatLane(portal.ID), key, KindWhatsAppMessage, m)",
			new:  "return in.add(ctx, ChatLane(portal.ID), key+rand.Text(), KindWhatsAppMessage, m)", imports: "crypto/rand",
			pkg: "./inbox", tests: "TestWhatsApp",
		},
		{
			name: "encrypts with a Signal session that a decryption is about to move",
			file: "whatsapp/accountstore.go",
			old:  "	a.sessions.Lock()\n	defer a.sessions.Unlock()\n	a.sessions.watch(addresses)", new: "	a.sessions.watch(addresses)",
			pkg: "./whatsapp", tests: "TestSessionIsReadAfterDecryption",
		},
		{
			name: "sends a message without a device whose keys could not be had",
			file: "whatsapp/sessionguard.go",
			old:  "g.without[address] < leaveOutTries", new: "g.without[address] < 0",
			pkg: "./whatsapp", tests: "TestNoDeviceIsLeftOut",
		},
		{
			name: "keeps what a message has done to sessions that it was not for",
			file: "whatsapp/mend.go",
			old:  "if untouched := known[key]; untouched != nil {", new: "if untouched := known[key]; untouched == nil {",
			pkg: "./whatsapp", tests: "TestMend",
		},
	}
}
