package whatsapp

import (
	"fmt"
	"strings"

	"github.com/rs/zerolog"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// maxLogLine is how much of one of the library's messages is kept, in bytes: some contain whole stanzas.
const maxLogLine = 500

// libraryLog passes on what the library logs, one level lower than the library means it, because the bridge says
// itself what matters. Stanzas, QR codes and undecodable frames are left out: they hold keys and what people wrote.
type libraryLog struct {
	log    zerolog.Logger
	module string
	mute   bool
}

// newLibraryLog adapts a logger for whatsmeow.
func newLibraryLog(log zerolog.Logger) waLog.Logger { return libraryLog{log: log} }

// Errorf implements waLog.Logger.
func (l libraryLog) Errorf(msg string, args ...any) { l.write(zerolog.WarnLevel, msg, args) }

// Warnf implements waLog.Logger.
func (l libraryLog) Warnf(msg string, args ...any) { l.write(zerolog.InfoLevel, msg, args) }

// Infof implements waLog.Logger.
func (l libraryLog) Infof(msg string, args ...any) { l.write(zerolog.DebugLevel, msg, args) }

// Debugf implements waLog.Logger.
func (l libraryLog) Debugf(msg string, args ...any) {
	if !l.mute && !strings.Contains(msg, "hex") {
		l.write(zerolog.TraceLevel, msg, args)
	}
}

// Sub implements waLog.Logger.
func (l libraryLog) Sub(module string) waLog.Logger {
	l.mute = l.mute || module == "Recv" || module == "Send" || module == "QRChannel"
	l.module = strings.TrimPrefix(l.module+"/"+module, "/")
	return l
}

func (l libraryLog) write(level zerolog.Level, msg string, args []any) {
	event := l.log.WithLevel(level)
	if event == nil || level < l.log.GetLevel() {
		return
	}
	if l.module != "" {
		event = event.Str("module", l.module)
	}
	line := fmt.Sprintf(msg, args...)
	event.Msg(line[:min(len(line), maxLogLine)])
}

// signalLog is libsignal's logger. It says nothing: its lines hold keys, and what matters comes back as an error.
type signalLog struct{}

// Debug implements logger.Loggable.
func (signalLog) Debug(string, string) {}

// Info implements logger.Loggable.
func (signalLog) Info(string, string) {}

// Warning implements logger.Loggable.
func (signalLog) Warning(string, string) {}

// Error implements logger.Loggable.
func (signalLog) Error(string, string) {}

// Configure implements logger.Loggable.
func (signalLog) Configure(string) {}
