package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"

	"causeway/simulator/wire"
)

const (
	certificateLife = 365 * 24 * time.Hour
	headerTimeout   = 10 * time.Second
)

// transport is the TLS listener that stands in for all of WhatsApp's hosts.
type transport struct {
	listener net.Listener
	server   *http.Server
	identity *wire.Identity
	caPEM    []byte
	pool     *x509.CertPool
}

func listen(address string, handler http.Handler) (*transport, error) {
	certificate, der, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("make TLS certificate: %w", err)
	}
	identity, err := wire.NewIdentity(time.Now())
	if err != nil {
		return nil, err
	}
	t := &transport{identity: identity, pool: x509.NewCertPool(), caPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	t.pool.AppendCertsFromPEM(t.caPEM)
	if t.listener, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", address); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	t.server = &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, ErrorLog: log.New(io.Discard, "", 0)}
	secure := tls.NewListener(t.listener, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	go func() { _ = t.server.Serve(secure) }()
	return t, nil
}

func (t *transport) close() error { return t.server.Close() }

// client must not try HTTP/2, which has no websocket upgrade; with a dialer and TLS settings of its own Go's transport does not.
func (t *transport) client() *http.Client {
	address := t.listener.Addr().String()
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{RootCAs: t.pool, MinVersion: tls.VersionTLS12},
	}}
}

func selfSigned() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "WhatsApp network simulator"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife), IsCA: true, BasicConstraintsValid: true,
		DNSNames:    []string{"web.whatsapp.com", "*.whatsapp.com", "*.whatsapp.net", "*.cdn.whatsapp.net"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, der, nil
}
