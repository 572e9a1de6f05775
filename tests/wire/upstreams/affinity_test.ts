/** Conversations that stay at their backend, on real sockets. */

import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather, headerOf } from "../../support/clients/http_reader.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const TOKEN = `Authorization: Bearer ${SECRETS.proxyToken}`;
const JSON_TYPE = "Content-Type: application/json";

/** Four upstreams that answer with their number, and keep the bodies that they got. */
async function withFour(
  options: Partial<Endpoint>,
  test: (proxy: LocalProxy, bodies: string[]) => Promise<void>,
): Promise<void> {
  const bodies: string[] = [];
  const upstreams = Array.from({ length: 4 }, (_, index) =>
    new FakeUpstream({
      script: async (exchange) => {
        bodies.push(new TextDecoder().decode(await gather(exchange.body())));
        await exchange.write(plainAnswer(String(index)));
      },
    }));
  const backends = upstreams.map(({ origin }, index) =>
    testBackend(origin, { name: `b${index}`, key: { mode: "inject", value: SECRETS.openaiKey } })
  );
  const endpoint = testEndpoint("chat", backends, { strategy: "round_robin", affinity: {}, ...options });
  try {
    const [first] = upstreams;
    assert(first);
    await using proxy = new LocalProxy(first, { endpoints: [endpoint] });
    await test(proxy, bodies);
  } finally {
    for (const upstream of upstreams) await upstream[Symbol.asyncDispose]();
  }
}

function post(proxy: LocalProxy, body: string, ...headers: string[]): Promise<string> {
  const head = [
    `POST /chat/v1/chat/completions HTTP/1.1`,
    TOKEN,
    ...headers,
    `Content-Length: ${body.length}`,
  ];
  return rawRequest(proxy.url, head, body).then(({ text }) => text);
}

const turn = (id: string, turns: number) =>
  `{ "stream":false,"messages":[{"role":"user","content":"${id}"}${
    `, {"role":"assistant","content":"x"}, {"role":"user","content":"go on"}`.repeat(turns)
  }],"model":"m"  }`;

Deno.test("affinity: each turn of a conversation reaches the same backend, with its body byte for byte", () =>
  withFour({}, async (proxy, bodies) => {
    const sent: string[] = [];
    const served: Set<string>[] = [];
    for (let id = 0; id < 12; id++) {
      const set = new Set<string>();
      for (let turns = 0; turns < 5; turns++) {
        sent.push(turn(`question ${id}`, turns));
        set.add(await post(proxy, sent.at(-1) ?? "", JSON_TYPE));
      }
      served.push(set);
    }
    assertEquals(served.map(({ size }) => size), served.map(() => 1));
    assert(new Set(served.flatMap((set) => [...set])).size >= 3, "conversations are spread");
    assertEquals(bodies, sent);
  }));

Deno.test("affinity: the session header decides, and not the body", () =>
  withFour({}, async (proxy) => {
    const served = new Set<string>();
    for (let id = 0; id < 8; id++) {
      served.add(await post(proxy, turn(`question ${id}`, 0), JSON_TYPE, "X-Claude-Code-Session-Id: s1"));
    }
    assertEquals(served.size, 1);
  }));

Deno.test("affinity: other requests and a configured header that is absent follow the strategy", async () => {
  const bodies = ["[1]", "not JSON", `{"input":["x"]}`];
  for (const affinity of [{}, { header: "x-team" }]) {
    await withFour({ affinity }, async (proxy) => {
      for (const body of bodies) {
        const served = [];
        for (let count = 0; count < 4; count++) served.push(await post(proxy, body, JSON_TYPE));
        assertEquals(served.sort().join(""), "0123");
      }
    });
  }
  await withFour({ affinity: { header: "x-team" } }, async (proxy) => {
    const served = new Set<string>();
    for (let count = 0; count < 4; count++) served.add(await post(proxy, "{}", JSON_TYPE, "X-Team: red"));
    assertEquals(served.size, 1);
  });
});

Deno.test("affinity: the proxy waits for the beginning of a slow body, and sends all of it", () =>
  withFour({ exposeBackend: true }, async (proxy, bodies) => {
    const body = turn("slow question", 3);
    const home = await post(proxy, turn("slow question", 0), JSON_TYPE);
    using client = await RawClient.connect(proxy.url);
    const head = `POST /chat/v1/chat/completions HTTP/1.1\r\nHost: p\r\n${TOKEN}\r\n${JSON_TYPE}\r\n`;
    await client.send(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    for (let at = 0; at < body.length; at += 40) {
      const piece = body.slice(at, at + 40);
      await client.send(`${piece.length.toString(16)}\r\n${piece}\r\n`);
    }
    await client.send("0\r\n\r\n");
    const { headers } = await client.head();
    assertEquals([headerOf(headers, "x-llm-proxy-backend"), bodies.at(-1)], [`b${home}`, body]);
  }));
