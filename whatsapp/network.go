package whatsapp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// maxPage is how much of a page is read when looking for WhatsApp's version, in bytes.
const maxPage = 4 << 20

// Network says which network the bridge connects to. The zero value is the real one; a test network has all fields set.
type Network struct {
	Address string // host:port to dial in place of every address of WhatsApp
	RootKey string // the public key that the network's Noise certificates start from, as 64 hexadecimal digits
	CAFile  string // PEM file with the TLS certificate authority of the network
}

// real reports whether this is the network that people use.
func (n Network) real() bool { return n == Network{} }

// rootKey decodes RootKey.
func (n Network) rootKey() ([32]byte, error) {
	var key [32]byte
	raw, err := hex.DecodeString(n.RootKey)
	if err != nil {
		return key, fmt.Errorf("read the root key of the test network: %w", err)
	} else if len(raw) != len(key) {
		return key, fmt.Errorf("read the root key of the test network: it has %d bytes instead of %d", len(raw), len(key))
	}
	copy(key[:], raw)
	return key, nil
}

// client returns an HTTP client for the network. It must not speak HTTP/2, which has no websocket upgrade; with a
// dialer of its own Go's transport does not.
func (n Network) client() (*http.Client, error) {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		IdleConnTimeout:       90 * time.Second,
	}
	if n.real() {
		return &http.Client{Transport: transport}, nil
	}
	pem, err := os.ReadFile(n.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority of the test network: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("read the certificate authority of the test network: no certificate in the file")
	}
	transport.Proxy = nil
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, n.Address)
	}
	return &http.Client{Transport: transport}, nil
}

// bounded cuts off what a server answers beyond limit bytes, for callers that read all of it.
type bounded struct {
	http.RoundTripper
	limit int64
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = limitedBody{Reader: io.LimitReader(resp.Body, b.limit), Closer: resp.Body}
	return resp, nil
}

type limitedBody struct {
	io.Reader
	io.Closer
}
