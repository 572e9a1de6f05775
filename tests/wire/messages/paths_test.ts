import { assert, assertEquals } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { engineToTest } from "../../support/proxies/engine.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

/** The base paths of the endpoints; nothing may be asked for outside of them. */
const BASES = ["/openai/v1", "/anthropic", "/gemini"];

/** With `engine = "deno"` a target that names another host than the header `host` is rejected. */
const OTHER_HOST = engineToTest() === "deno" ? 400 : undefined;

/** A request target as sent, and the target the upstream must see, or the status the proxy answers with. */
const TARGETS: readonly (readonly [sent: string, outcome: string | number])[] = [
  ["/openai/v1/models", "/openai/v1/models"],
  ["/openai/models", "/openai/v1/models"],
  ["/openai/v1", "/openai/v1"],
  ["/openai/v1/", "/openai/v1/"],
  ["/openai", "/openai/v1"],
  ["/openai/", "/openai/v1/"],
  ["/openai/v1beta/x", "/openai/v1/v1beta/x"],
  ["/openai/v1/v1/models", "/openai/v1/v1/models"],
  ["/v1/models", "/openai/v1/models"],
  ["/chat/completions", "/openai/v1/chat/completions"],
  ["/v1/messages", "/anthropic/v1/messages"],
  ["/v1/messages/count_tokens", "/anthropic/v1/messages/count_tokens"],
  ["/v1/messagesx", "/openai/v1/messagesx"],
  ["/anthropic/v1/messages?beta=true", "/anthropic/v1/messages?beta=true"],
  ["/openai/v1/models/org%2Fmodel", "/openai/v1/models/org%2Fmodel"],
  ["/openai/v1/models/org/model", "/openai/v1/models/org/model"],
  ["/openai/v1//models", "/openai/v1//models"],
  ["/openai//v1/models", "/openai/v1//v1/models"],
  ["/openai/v1/a%20b?q=%zz&x=a+b&y=&z&=", "/openai/v1/a%20b?q=%zz&x=a+b&y=&z&="],
  [
    "/openai/v1/models?next=/../../x&u=http://evil.test/",
    "/openai/v1/models?next=/../../x&u=http://evil.test/",
  ],
  ["/openai/v1/a;b=1/c:d@e!$&'()*+,=~-._", "/openai/v1/a;b=1/c:d@e!$&'()*+,=~-._"],
  ["/openai/v1/...", "/openai/v1/..."],
  ["/openai/v1/..a/b..", "/openai/v1/..a/b.."],
  ["/openai/v1/.well-known", "/openai/v1/.well-known"],
  ["http://evil.test/openai/v1/models", OTHER_HOST ?? "/openai/v1/models"],
  ["http://evil.test:1/anthropic/v1/models?x=1", OTHER_HOST ?? "/anthropic/v1/models?x=1"],
  ["//openai/v1/models", 404],
  ["/unknown/v1/models", 404],
  ["/OpenAI/v1/models", 404],
  ["/%6fpenai/v1/models", 404],
  ["/openai%2fv1/models", 404],
  ["/openai?x=1/v1/models", "/openai/v1?x=1/v1/models"],
  ["http://evil.test?x=/openai/v1/models", OTHER_HOST ?? 200],
  ["/openai/..", 400],
  ["/openai/../anthropic/v1/messages", 400],
  ["/openai/v1/../../anthropic/v1/messages", 400],
  ["/openai/v1/./models", 400],
  ["/openai/v1/models/.", 400],
  ["/openai/v1/%2e%2e/%2E%2E/admin", 400],
  ["/openai/v1/.%2e/admin", 400],
  ["/openai/v1/%2e/admin", 400],
  ["/openai/v1/a%2f..%2f..%2fadmin", 400],
  ["/openai/v1/..%2fadmin", 400],
  ["/openai/v1/..;/admin", 400],
  ["/openai/v1/..;x=1/admin", 400],
  ["/openai/v1\\..\\admin", 400],
  ["/openai/v1/..\\admin", 400],
  ["/openai/v1/%5c..%5cadmin", 400],
  ["/openai/v1/a%00b", 400],
  ["/openai/v1/a%0d%0aX-Evil:%201", 400],
  ["/openai/v1/a%7f", 400],
  ["/openai/v1/%zz", 400],
  ["/openai/v1/%c0%ae%c0%ae/admin", 400],
  ["/openai/v1/models#fragment", 400],
  [`/openai/v1/${"a".repeat(8_000)}`, `/openai/v1/${"a".repeat(8_000)}`],
  [`/openai/v1/${"../".repeat(2_000)}`, 400],
];

Deno.test("every path goes to its own endpoint, inside its base, or nowhere", async (t) => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("{}")) });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  for (const [sent, outcome] of TARGETS) {
    await t.step(sent.slice(0, 60), async () => {
      const before = upstream.requests.length;
      const answer = await rawRequest(proxy.url, [
        `GET ${sent} HTTP/1.1`,
        `X-Api-Key: ${SECRETS.proxyToken}`,
      ]);
      const arrived = upstream.requests.slice(before).map(({ target }) => target);
      if (typeof outcome === "string") assertEquals([answer.status, arrived], [200, [outcome]]);
      else assertEquals([answer.status, arrived], [outcome, []]);
      for (const target of arrived) assert(BASES.some((base) => target.startsWith(base)), target);
    });
  }
});

/** The server writes the Host header into the URL it hands over; none of these may move the path. */
const HOSTS: readonly (readonly [host: string, outcome: string | number])[] = [
  ["api.openai.com", "/openai/v1/models"],
  ["evil.test:99", "/openai/v1/models"],
  ["[::1]:33000", "/openai/v1/models"],
  ["evil.test/anthropic", 400],
  ["evil.test/anthropic/v1?x=", 400],
  ["evil.test?x", 400],
  ["evil.test#x", 400],
  ["user@evil.test", 400],
  ["evil\\test", 400],
];

Deno.test("a Host header never moves the path nor chooses the upstream", async (t) => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("{}")) });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  for (const [host, outcome] of HOSTS) {
    await t.step(host, async () => {
      const before = upstream.requests.length;
      using client = await RawClient.connect(proxy.url);
      await client.send(
        `GET /openai/v1/models HTTP/1.1\r\nHost: ${host}\r\nX-Api-Key: ${SECRETS.proxyToken}\r\nConnection: close\r\n\r\n`,
      );
      const answer = await client.answer();
      const arrived = upstream.requests.slice(before).map(({ target }) => target);
      assertEquals([answer.status, ...arrived], typeof outcome === "string" ? [200, outcome] : [outcome]);
    });
  }
});

Deno.test("without a credential every path but the health routes is a 401", async (t) => {
  await using upstream = new FakeUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey });
  const open = ["/", "/healthz", "/health", "/readyz"];
  const closed = [
    "/openai/v1/models",
    "/unknown",
    "/v1/models",
    "/openai/../x",
    "/healthz/x",
    "/health?",
    "/manage/x",
  ];
  for (const path of [...open, ...closed]) {
    await t.step(path, async () => {
      const answer = await rawRequest(proxy.url, [`GET ${path} HTTP/1.1`]);
      assertEquals(answer.status, open.includes(path.replace("?", "")) ? 200 : 401);
    });
  }
  for (const path of open) {
    await t.step(`HEAD ${path}`, async () => {
      const answer = await rawRequest(proxy.url, [`HEAD ${path} HTTP/1.1`]);
      assertEquals([answer.status, answer.body.length], [200, 0]);
    });
    await t.step(`POST ${path}`, async () => {
      assertEquals((await rawRequest(proxy.url, [`POST ${path} HTTP/1.1`, "Content-Length: 0"])).status, 401);
    });
  }
  assertEquals(upstream.requests, []);
});
