package signal

import "go.mau.fi/libsignal/logger"

// silent is a libsignal logger that says nothing.
type silent struct{}

func (silent) Debug(string, string)   {}
func (silent) Info(string, string)    {}
func (silent) Warning(string, string) {}
func (silent) Error(string, string)   {}
func (silent) Configure(string)       {}

// Silence sets libsignal's logger, which is a variable of the process that the library otherwise sets on first use, without a lock.
func Silence() {
	var l logger.Loggable = silent{}
	logger.Setup(&l)
}
