// The upstream of event streams and large bodies. It reads the body of each request to its end. The query says what it
// answers: rate=100&seconds=5 sends so many events a second, each with the time at which it was sent, then usage and the
// end; bytes=N sends N bytes. Without a query it answers the length of the request's body.
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

const event = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o-mini\"," +
	"\"choices\":[{\"index\":0,\"delta\":{\"content\":\"token\"}}],\"at\":%d}\n\n"
const ending = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o-mini\"," +
	"\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20,\"total_tokens\":30}}\n\ndata: [DONE]\n\n"

func main() {
	block := make([]byte, 1<<16)
	http.HandleFunc("/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		received, _ := io.Copy(io.Discard, r.Body)
		query := r.URL.Query()
		switch {
		case query.Has("rate"):
			rate, _ := strconv.ParseFloat(query.Get("rate"), 64)
			seconds, _ := strconv.ParseFloat(query.Get("seconds"), 64)
			stream(w, time.Duration(float64(time.Second)/rate), int(rate*seconds))
		case query.Has("bytes"):
			n, _ := strconv.Atoi(query.Get("bytes"))
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
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"bytes":%d}`, received)
		}
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}

// The first event leaves at once, so that its way shows the time to the first byte.
func stream(w http.ResponseWriter, interval time.Duration, events int) {
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := w.(http.Flusher)
	next := time.Now()
	for i := 0; i < events; i++ {
		if _, err := fmt.Fprintf(w, event, time.Now().UnixNano()); err != nil {
			return
		}
		flusher.Flush()
		next = next.Add(interval)
		time.Sleep(time.Until(next))
	}
	io.WriteString(w, ending)
}
