// Go's ReverseProxy with a tuned Transport: it flushes every write, keeps connections, and uses its buffers again.
package main

import (
	"crypto/tls"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"
	"sync"
)

type bufferPool struct{ sync.Pool }

func (pool *bufferPool) Get() []byte       { return pool.Pool.Get().([]byte) }
func (pool *bufferPool) Put(buffer []byte) { pool.Pool.Put(buffer) }

func main() {
	listen, upstream := os.Args[1], os.Args[2]
	runtime.GOMAXPROCS(1)
	target, err := url.Parse(upstream)
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	direct := proxy.Director
	proxy.Director = func(request *http.Request) {
		direct(request)
		request.Host = target.Host
		request.Header.Set("Authorization", "Bearer upstream-key")
	}
	proxy.FlushInterval = -1
	proxy.BufferPool = &bufferPool{sync.Pool{New: func() any { return make([]byte, 32<<10) }}}
	proxy.Transport = &http.Transport{
		MaxIdleConnsPerHost: 4096,
		DisableCompression:  true,
		ForceAttemptHTTP2:   false,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
		TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
	log.Fatal(http.ListenAndServe(listen, proxy))
}
