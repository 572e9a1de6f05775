// A paced event stream: GET /?rate=100&seconds=5 sends `rate` events a second, each with the time it was sent.
// POST reads its body and answers a short JSON; GET /bytes?n= sends n bytes. Never the bottleneck.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	block := make([]byte, 1<<16)
	http.HandleFunc("/v1/bytes", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		w.Header().Set("Content-Length", strconv.Itoa(n))
		for n > 0 {
			part := block
			if n < len(part) {
				part = part[:n]
			}
			if _, err := w.Write(part); err != nil {
				return
			}
			n -= len(part)
		}
	})
	http.HandleFunc("/v1/upload", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, `{"bytes":%d}`, n)
	})
	http.HandleFunc("/v1/stream", func(w http.ResponseWriter, r *http.Request) {
		rate, _ := strconv.ParseFloat(r.URL.Query().Get("rate"), 64)
		seconds, _ := strconv.ParseFloat(r.URL.Query().Get("seconds"), 64)
		w.Header().Set("Content-Type", "text/event-stream")
		flusher := w.(http.Flusher)
		interval := time.Duration(float64(time.Second) / rate)
		next := time.Now()
		for i := 0; i < int(rate*seconds); i++ {
			next = next.Add(interval)
			time.Sleep(time.Until(next))
			_, err := fmt.Fprintf(w, "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{\"content\":\"token\"}}],\"at\":%d}\n\n", time.Now().UnixNano())
			if err != nil {
				return
			}
			flusher.Flush()
		}
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
