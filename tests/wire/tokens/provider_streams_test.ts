/** Tokens of a provider that expire during a stream or a WebSocket, over HTTP/1.1 and HTTP/2. */

import { assert, assertEquals } from "@std/assert";
import { SignJWT } from "jose";
import { gather } from "../../support/clients/http_reader.ts";
import { frame, openWebSocket, TEXT, WebSocketUpstream } from "../../support/clients/websocket.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { testIssuer, testKey } from "../../support/proxies/jwt_bench.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { until } from "../../support/time/deadline.ts";
import { chunk, FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { pem } from "../../support/upstreams/tls_upstream.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
const REALTIME = "/realtime/v1/realtime?model=gpt-realtime";
/** How long the tokens are valid, in seconds: a stream begins within this time. */
const VALID_S = 3;

Deno.test("provider's tokens: one that expires, like one that is revoked, ends no stream and no WebSocket, and begins no other", async () => {
  const key = await testKey("sso");
  const table = testIssuer({
    keys: { kind: "file", path: "keys.json", keys: { keys: [{ ...key.jwk }] } },
    clockSkewMs: 0,
    defaultProject: "Lab",
  });
  const goOn = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    async script({ body, write }) {
      await gather(body());
      await write(HEAD + chunk("data: one\n\n"));
      await goOn.promise;
      await write(chunk("data: two\n\n") + "0\r\n\r\n");
    },
  });
  await using sockets = new WebSocketUpstream();
  const injected = { path: "/v1", key: { mode: "inject", value: SECRETS.openaiKey } } as const;
  await using proxy = await ManagedProxy.start(upstream, {
    jwt: [table],
    server: { tls: { cert: pem("cert.pem"), key: pem("key.pem"), files: [] }, httpsPort: 0 },
    endpoints: [
      testEndpoint("openai", [testBackend(upstream.origin, injected)]),
      testEndpoint("realtime", [testBackend(sockets.origin, injected)]),
    ],
  });
  await proxy.api("POST", "/projects", { name: "Lab" });
  const exp = Math.floor(Date.now() / 1000) + VALID_S;
  const token = await new SignJWT({ iss: table.issuer, aud: "llm-proxy", sub: "anna", exp })
    .setProtectedHeader({ alg: key.alg, kid: key.kid }).sign(key.privateKey);
  proxy.conceals(token);

  using http2 = Deno.createHttpClient({ caCerts: [pem("ca.pem")], http1: false, http2: true });
  const chat = (url: string, client?: Deno.HttpClient) =>
    fetch(`${url}/openai/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "demo-small", stream: true, messages: [] }),
      ...(client && { client }),
    });
  const secure = `https://localhost:${proxy.proxy.httpsPort}`;
  const streams = await Promise.all([chat(proxy.url), chat(secure, http2)]);
  const open = async (lines: readonly string[]) => {
    const arriving = sockets.next();
    const client = await openWebSocket(proxy.url, REALTIME, lines);
    assertEquals(client.status, 101);
    return { client, session: await arriving };
  };
  const ways = [
    [`Authorization: Bearer ${token}`],
    [`Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.${token}`],
  ];
  const opened = [];
  for (const lines of ways) opened.push(await open(lines));
  const managed = await proxy.token();
  const own = [`Authorization: Bearer ${managed.value}`];
  opened.push(await open(own));
  for (const { client: { head }, session } of opened) {
    assert(
      !session.raw.includes(token) && !session.raw.includes(managed.value),
      "the upstream got the token",
    );
    assert(!JSON.stringify(head.headers).includes(token), "the token came back");
  }
  assertEquals(opened.at(1)?.client.header("sec-websocket-protocol"), "realtime");

  const refused = async (response: Response) => {
    await response.body?.cancel();
    return [response.status, response.headers.get("x-llm-proxy-error")];
  };
  await until(() => Date.now() >= exp * 1000, "the end of the token");
  assertEquals(await refused(await chat(proxy.url)), [401, "token_expired"]);
  assertEquals(await refused(await chat(secure, http2)), [401, "token_expired"], "on the open connection");
  assertEquals((await proxy.api("DELETE", `/tokens/${managed.id}`)).status, 204);
  for (
    const [lines, code] of [
      ...ways.map((way) => [way, "token_expired"] as const),
      [own, "token_revoked"] as const,
    ]
  ) {
    const { status, header, peer } = await openWebSocket(proxy.url, REALTIME, lines);
    assertEquals([status, header("x-llm-proxy-error")], [401, code]);
    peer[Symbol.dispose]();
  }
  for (const { client: { peer }, session } of opened) {
    await peer.send(frame(TEXT, "late", { isMasked: true }));
    assertEquals(new TextDecoder().decode((await session.peer.frame())?.payload), "late");
    await session.peer.send(frame(TEXT, "answer"));
    assertEquals(new TextDecoder().decode((await peer.frame())?.payload), "answer");
    peer[Symbol.dispose]();
  }
  goOn.resolve();
  for (const stream of streams) {
    assertEquals([stream.status, await stream.text()], [200, "data: one\n\ndata: two\n\n"]);
  }
  assert(!upstream.received.includes(token), "no upstream got the token");
});
