// Opens N event streams at once and measures each event's way: stream_client URL N TOKEN BODY_FOR_POST
// Prints JSON: streams that ended whole, events, delay p50 and p99 in microseconds, time to first byte p50 and p99.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

func main() {
	url, token := os.Args[1], os.Args[3]
	n, _ := strconv.Atoi(os.Args[2])
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n, DisableCompression: true}}
	var mutex sync.Mutex
	var delays, firsts []int64
	whole := 0
	var group sync.WaitGroup
	for i := 0; i < n; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			request, _ := http.NewRequest("GET", url, nil)
			request.Header.Set("Authorization", "Bearer "+token)
			begin := time.Now()
			response, err := client.Do(request)
			if err != nil {
				return
			}
			defer response.Body.Close()
			var mine []int64
			scanner := bufio.NewScanner(response.Body)
			first := int64(0)
			for scanner.Scan() {
				line := scanner.Text()
				at := strings.LastIndex(line, "\"at\":")
				if at < 0 {
					continue
				}
				now := time.Now()
				if first == 0 {
					first = now.Sub(begin).Microseconds()
				}
				sent, _ := strconv.ParseInt(strings.TrimSuffix(line[at+5:], "}"), 10, 64)
				mine = append(mine, (now.UnixNano()-sent)/1000)
			}
			mutex.Lock()
			if scanner.Err() == nil && response.StatusCode == 200 {
				whole++
			}
			delays = append(delays, mine...)
			firsts = append(firsts, first)
			mutex.Unlock()
		}()
		if i%50 == 49 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	group.Wait()
	out, _ := json.Marshal(map[string]int64{
		"whole": int64(whole), "events": int64(len(delays)),
		"p50": quantile(delays, 0.5), "p99": quantile(delays, 0.99),
		"first50": quantile(firsts, 0.5), "first99": quantile(firsts, 0.99),
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
