/** `deno bench tests/forwarding`: the pure functions that every request goes through. */

import { findCredentials } from "../../src/auth/credential.ts";
import { sharedTokenCheck } from "../../src/auth/shared_token.ts";
import { type RequestHeaderPolicy, upstreamFields } from "../../src/forwarding/request_headers.ts";
import { clientFields } from "../../src/forwarding/response_headers.ts";
import { parseHead } from "../../src/http/head.ts";
import { match } from "../../src/routing/match.ts";
import { parseRequestTarget } from "../../src/http/request_target.ts";
import { buildRoutingTable } from "../../src/routing/table.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { fieldsOf } from "../support/data/fields.ts";

const BACKEND = testBackend("https://api.test", { path: "/v1", key: { mode: "inject", value: "K" } });
const ENDPOINTS = ["openai", "anthropic"].map((name) => testEndpoint(name, [BACKEND]));
const LINES = [
  "Host: proxy.test:33000",
  "Accept: application/json",
  "Content-Type: application/json",
  "User-Agent: OpenAI/JS 7.55.0",
  "X-Stainless-Lang: js",
  "X-Stainless-Runtime: node",
  "Authorization: Bearer a-token-of-the-proxy",
  "Content-Length: 512",
  "Connection: keep-alive",
];
const HEAD = ["POST /openai/v1/chat/completions HTTP/1.1", ...LINES].join("\r\n");
const FIELDS = fieldsOf(...LINES);
const ANSWERED = fieldsOf(
  "Content-Type: application/json",
  "Date: now",
  "X-Request-Id: req_1",
  "Content-Length: 900",
);

const routes = buildRoutingTable(ENDPOINTS);
const check = sharedTokenCheck([{ name: "shared", token: "a-token-of-the-proxy" }]);
const policy: RequestHeaderPolicy = {
  credentialsToStrip: new Set([
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "query",
    "subprotocol",
  ]),
  backend: BACKEND,
};
const answering = {
  requestId: "req_1",
  path: "/openai/v1/x",
  backend: { hasProxysKey: true, exposedName: undefined },
  hasBody: true,
};

Deno.bench("parseHead", () => void parseHead(HEAD, 256));
Deno.bench(
  "parseRequestTarget, nothing suspicious",
  () => void parseRequestTarget("/openai/v1/chat/completions?a=1"),
);
Deno.bench(
  "parseRequestTarget, percent-encoded",
  () => void parseRequestTarget("/openai/v1/models/org%2Fmodel"),
);
Deno.bench("match", () => void match(routes, "/openai/v1/chat/completions"));
Deno.bench("findCredentials", () => void findCredentials(FIELDS, ""));
Deno.bench("the token's check", () => void check("a-token-of-the-proxy"));
Deno.bench("upstreamFields", () => void upstreamFields(FIELDS, policy));
Deno.bench("clientFields", () => void clientFields(ANSWERED, answering));
