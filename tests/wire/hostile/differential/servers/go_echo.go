// An echo on Go's net/http. Usage: go_echo PORT
package main

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

type record struct {
	Method string  `json:"m"`
	Target string  `json:"t"`
	Marker string  `json:"k"`
	Type   string  `json:"ct"`
	Via    string  `json:"v"`
	Port   int     `json:"c"`
	Seen   int     `json:"n"`
	Length *int    `json:"len,omitempty"`
	Sha    *string `json:"sha,omitempty"`
	Begin  *string `json:"b,omitempty"`
}

type connectionKey struct{}

type connection struct {
	port int
	seen int
}

var output sync.Mutex

func echo(writer http.ResponseWriter, request *http.Request) {
	parts := strings.Split(request.RequestURI, "/")
	behaviour := ""
	if len(parts) > 2 {
		behaviour = parts[2]
	}
	from := request.Context().Value(connectionKey{}).(*connection)
	from.seen++
	values := func(name string) string { return strings.Join(request.Header[name], ",") }
	read := record{
		Method: request.Method,
		Target: hex.EncodeToString([]byte(request.RequestURI)),
		Marker: values("X-Marker"),
		Type:   values("Content-Type"),
		Via:    values("X-Via"),
		Port:   from.port,
		Seen:   from.seen,
	}
	if behaviour != "early" {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		length := len(body)
		sum := sha1.Sum(body)
		sha := hex.EncodeToString(sum[:])
		if len(body) > 200 {
			body = body[:200]
		}
		begin := hex.EncodeToString(body)
		read.Length, read.Sha, read.Begin = &length, &sha, &begin
	}
	text, _ := json.Marshal(read)
	output.Lock()
	fmt.Printf("@%s\n", text)
	output.Unlock()
	header := writer.Header()
	header.Set("X-Echo", string(text))
	header.Set("Content-Type", "application/json")
	switch behaviour {
	case "s204":
		writer.WriteHeader(204)
		return
	case "s304":
		writer.WriteHeader(304)
		return
	case "close":
		header.Set("Connection", "close")
	case "chunked":
		writer.Write(text[:10])
		writer.(http.Flusher).Flush()
		writer.Write(text[10:])
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(text)))
	writer.Write(text)
}

func main() {
	server := &http.Server{
		Addr:    "127.0.0.1:" + os.Args[1],
		Handler: http.HandlerFunc(echo),
		ConnContext: func(parent context.Context, accepted net.Conn) context.Context {
			port := accepted.RemoteAddr().(*net.TCPAddr).Port
			return context.WithValue(parent, connectionKey{}, &connection{port: port})
		},
	}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
}
