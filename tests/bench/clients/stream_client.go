// Opens event streams at once and measures each event's way. The argument is JSON: url, streams, headers and body.
// Prints "open" when every stream has had its first event. Then prints JSON: streams that ended whole, events, the delay
// of events and the time to the first one in microseconds, and how often each failure happened.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

type run struct {
	URL     string
	Streams int
	Headers map[string]string
	Body    string
}

func main() {
	var wanted run
	if err := json.Unmarshal([]byte(os.Args[1]), &wanted); err != nil {
		panic(err)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: wanted.Streams, DisableCompression: true}}
	var mutex sync.Mutex
	var delays, firsts []int64
	whole := 0
	failures := map[string]int{}
	fail := func(reason string) {
		mutex.Lock()
		defer mutex.Unlock()
		failures[reason]++
	}
	var all, opened sync.WaitGroup
	all.Add(wanted.Streams)
	opened.Add(wanted.Streams)
	for i := 0; i < wanted.Streams; i++ {
		go func() {
			defer all.Done()
			first := int64(0)
			var once sync.Once
			open := func() { once.Do(opened.Done) }
			defer open()
			request, _ := http.NewRequest("POST", wanted.URL, strings.NewReader(wanted.Body))
			for name, value := range wanted.Headers {
				request.Header.Set(name, value)
			}
			begin := time.Now()
			response, err := client.Do(request)
			if err != nil {
				fail(errors.Unwrap(err).Error())
				return
			}
			defer response.Body.Close()
			if response.StatusCode != 200 {
				text, _ := io.ReadAll(io.LimitReader(response.Body, 200))
				fail(fmt.Sprintf("%d %s", response.StatusCode, text))
				return
			}
			var mine []int64
			isWhole := false
			scanner := bufio.NewScanner(response.Body)
			for scanner.Scan() {
				line := scanner.Text()
				isWhole = isWhole || line == "data: [DONE]"
				at := strings.LastIndex(line, "\"at\":")
				if at < 0 {
					continue
				}
				now := time.Now()
				if first == 0 {
					first = now.Sub(begin).Microseconds()
					open()
				}
				sent, _ := strconv.ParseInt(strings.TrimSuffix(line[at+5:], "}"), 10, 64)
				mine = append(mine, (now.UnixNano()-sent)/1000)
			}
			if !isWhole {
				fail(fmt.Sprintf("it ended early: %v", scanner.Err()))
			}
			mutex.Lock()
			defer mutex.Unlock()
			if isWhole {
				whole++
			}
			delays = append(delays, mine...)
			firsts = append(firsts, first)
		}()
		if i%50 == 49 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	opened.Wait()
	fmt.Println("open")
	all.Wait()
	out, _ := json.Marshal(map[string]any{
		"failures": failures, "whole": whole, "events": len(delays),
		"p50": quantile(delays, 0.5), "p99": quantile(delays, 0.99), "first50": quantile(firsts, 0.5),
	})
	fmt.Println(string(out))
}

func quantile(values []int64, q float64) int64 {
	if len(values) == 0 {
		return -1
	}
	sort.Slice(values, func(a, b int) bool { return values[a] < values[b] })
	return values[int(float64(len(values)-1)*q)]
}
