/**
 * The corpus of hostile requests with `engine = "deno"`: no request reaches the upstream that the own engine
 * rejects, except those of the list, and the upstream never takes half a request for a whole one.
 */

import { assert, assertEquals } from "@std/assert";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { within } from "../../support/time/deadline.ts";
import { FAMILIES } from "./corpus.ts";
import type { Arrival, HostileCase } from "./hostile_case.ts";
import { RecordingUpstream } from "./recording_upstream.ts";
import { closingGet, converse } from "./stage.ts";
import { readRequest } from "./strict_reading.ts";
import { checkRequest } from "./upstream_check.ts";

const LAST = "/openai/v1/last";

/** What the runtime accepts and the own engine rejects: the row "Malformed requests" of docs/engines.md. */
const ACCEPTED: Readonly<Record<string, readonly string[]>> = {
  "spaces around the size of a chunk, and any number of zeros before it": [
    "as a chunk's size: a space before it",
    "as a chunk's size: a space behind it",
    "as a chunk's size: a space before an extension",
    "as a chunk's size: fourteen digits",
    "a last chunk with a space",
  ],
  "trailers of any length": ["endless trailers", "an endless trailer"],
  "lines that end with a bare LF": [
    "a bare LF between fields",
    "a bare LF behind the request line",
    "a bare LF for the empty line",
    "a bare LF at the end of the last field",
    "two bare LFs before a request",
    "one behind a bare LF",
  ],
  "empty lines before a request": [
    "an empty line before the request",
    "two empty lines before the request",
    "a bare LF before the request",
    "a proper one, then an empty line, then one",
  ],
};

/**
 * Sends the bytes of a case. Returns the requests that arrived without being expected, and checks all of
 * them.
 */
async function unexpected(
  proxy: LocalProxy,
  upstream: RecordingUpstream,
  { name, bytes, outcome, halfCloses = false }: HostileCase,
): Promise<string[]> {
  const sent = halfCloses ? bytes : bytes + closingGet(LAST);
  const answer = await within(converse(proxy.url, [sent], { halfCloses }), `the answer to: ${name}`).catch(
    (error) => {
      // The runtime does not wait for the rest of a malformed request, so its answer may be lost.
      if (error instanceof Deno.errors.ConnectionReset) return "";
      throw error;
    },
  );
  assertNoSecrets(answer, "the answer");
  const expected = [...outcome.arrivals, { target: LAST, method: "GET", body: "" }].map(shown);
  const arrived: string[] = [];
  for (const text of await within(upstream.taken(), `the end of the upstream's connections: ${name}`)) {
    assert(!text.includes(SECRETS.proxyToken), `${name}: the upstream got the token of the proxy`);
    const request = readRequest(text);
    if (request?.body === undefined) {
      assert(outcome.broken !== undefined, `${name}: the upstream got half a request`);
      continue;
    }
    checkRequest(request, `127.0.0.1:${upstream.port}`);
    assertEquals(request.rest, "", `${name}: bytes after the request`);
    arrived.push(shown({ ...request, body: request.body }));
  }
  for (const one of expected) {
    const index = arrived.indexOf(one);
    if (index !== -1) arrived.splice(index, 1);
  }
  return arrived;
}

function shown({ target, method, body }: Arrival): string {
  return `${method} ${target} ${JSON.stringify(body)}`;
}

Deno.test('engine = "deno": of all hostile requests, only the listed ones get further than with the own engine', async () => {
  await using upstream = new RecordingUpstream();
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, server: { engine: "deno" } });
  const further: string[] = [];
  for (const one of FAMILIES.flatMap(([, cases]) => cases)) {
    if ((await unexpected(proxy, upstream, one)).length > 0) further.push(one.name);
  }
  assertEquals(
    further.toSorted(),
    Object.values(ACCEPTED).flat().toSorted(),
    'The runtime accepts other requests now. Change this list and the row "Malformed requests" of docs/engines.md',
  );
});
