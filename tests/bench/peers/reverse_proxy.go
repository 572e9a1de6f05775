// Go's own reverse proxy, as one would write it: flushes every write, keeps connections, exchanges the key.
package main

import (
	"crypto/tls"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"runtime"
)

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
	proxy.Transport = &http.Transport{
		MaxIdleConnsPerHost: 1024,
		DisableCompression:  true,
		ForceAttemptHTTP2:   false,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
		TLSNextProto:        map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
	log.Fatal(http.ListenAndServe(listen, proxy))
}
