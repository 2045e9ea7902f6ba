package matrix

import (
	"errors"
	"net/http"
	"time"

	"go.mau.fi/util/retryafter"
	"maunium.net/go/mautrix"

	"causeway/queue"
)

// maxAskedWait bounds how long a homeserver can make a lane wait.
const maxAskedWait = time.Hour

// fault says what is to become of an action that the homeserver did not carry out: a pause that it asked for, another
// try (the network, the homeserver's own trouble, and what an administrator must mend), or never.
func fault(err error) error {
	failed, ok := errors.AsType[mautrix.HTTPError](err)
	if !ok || failed.Response == nil {
		return err
	}
	status := failed.Response.StatusCode
	switch {
	case status == http.StatusTooManyRequests:
		return queue.RetryAfter(err, askedWait(failed))
	case status == http.StatusRequestEntityTooLarge:
		return queue.Dead(err)
	case status < 400 || status >= 500 || status == http.StatusUnauthorized || status == http.StatusRequestTimeout:
		return err
	case failed.RespError == nil || failed.RespError.ErrCode == mautrix.MUnrecognized.ErrCode:
		return err // not the homeserver but something before it, such as a proxy with a wrong route
	}
	return queue.Dead(err)
}

// askedWait reads how long to wait from a 429 (Client-Server API, "Rate limiting"): the header, or the older field.
func askedWait(failed mautrix.HTTPError) time.Duration {
	var wait time.Duration
	if failed.RespError != nil {
		if ms, ok := failed.RespError.ExtraData["retry_after_ms"].(float64); ok && ms > 0 {
			wait = time.Duration(min(ms, float64(maxAskedWait.Milliseconds()))) * time.Millisecond
		}
	}
	return min(retryafter.Parse(failed.Response.Header.Get("Retry-After"), wait), maxAskedWait)
}

// refused reports whether the homeserver understood and said no, for good.
func refused(err error) bool {
	return errors.Is(err, mautrix.MForbidden) || errors.Is(err, mautrix.MNotFound)
}

// hasStatus reports whether the homeserver answered with an HTTP status.
func hasStatus(err error, status int) bool {
	failed, ok := errors.AsType[mautrix.HTTPError](err)
	return ok && failed.IsStatus(status)
}
