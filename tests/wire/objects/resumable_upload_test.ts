/** Google's resumable uploads stay with the key and the token that began them. */

import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../../src/config/config.ts";
import { openStore } from "../../../src/storage/open.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { withoutPostgres } from "../../support/processes/postgres_server.ts";
import { inDatabase } from "../../support/processes/shared_postgres.ts";
import { unless } from "../../support/runner/left_out.ts";
import { until } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

const KEYS = [SECRETS.openaiKey, SECRETS.anthropicKey, SECRETS.projectKey];

/** A server that knows each upload only under the key that began it. */
function uploadServer(): FakeUpstream {
  const begun = new Map<string, string | undefined>();
  const upstream: FakeUpstream = new FakeUpstream({
    script: async (exchange) => {
      const { request } = exchange;
      await gather(exchange.body());
      const url = new URL(request.target, "http://upstream.test");
      const key = request.header("x-goog-api-key");
      const id = url.searchParams.get("upload_id");
      if (id !== null) {
        const status = begun.get(id) === key ? "200 OK" : "404 Not Found";
        return await exchange.write(plainAnswer(`{"file":{"name":"files/of-${id}"}}`, { status }));
      }
      const next = `AHmUCY_${begun.size}-X`;
      begun.set(next, key);
      const place = `${upstream.origin}/upload/v1beta/files?upload_id=${next}&upload_protocol=resumable`;
      await exchange.write(plainAnswer("", { headers: `X-Goog-Upload-URL: ${place}\r\n` }));
    },
  });
  return upstream;
}

function pool(origin: string): Endpoint {
  const backends = KEYS.map((value, index) =>
    testBackend(origin, { name: `key${index}`, key: { mode: "inject", value }, keyField: "x-goog-api-key" })
  );
  return testEndpoint("gemini", backends, { dialect: "gemini", strategy: "round_robin" });
}

async function begin(url: string, token: string): Promise<string> {
  const response = await fetch(`${url}/gemini/upload/v1beta/files`, {
    method: "POST",
    headers: {
      "x-goog-api-key": token,
      "x-goog-upload-command": "start",
      "x-goog-upload-protocol": "resumable",
    },
    body: "{}",
  });
  await response.body?.cancel();
  return response.headers.get("x-goog-upload-url") ?? "";
}

async function send(place: string, token: string, command: string): Promise<number> {
  const response = await fetch(place, {
    method: "POST",
    headers: { "x-goog-api-key": token, "x-goog-upload-command": command },
    body: "piece",
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test("resumable uploads: all requests of an upload go to the key that began it", async () => {
  await using upstream = uploadServer();
  await using proxy = new LocalProxy(upstream, { endpoints: [pool(upstream.origin)] });
  const places = [];
  for (let count = 0; count < 4; count++) places.push(await begin(proxy.url, SECRETS.proxyToken));
  assertEquals(new Set(places).size, 4);
  for (const place of places) {
    assertEquals(new URL(place).origin, proxy.url);
    for (const command of ["query", "upload", "upload, finalize"]) {
      assertEquals(await send(place, SECRETS.proxyToken, command), 200, `${place} ${command}`);
    }
  }
});

Deno.test("resumable uploads: another token cannot go on with an upload, also with one key", async () => {
  await using upstream = uploadServer();
  const endpoint = pool(upstream.origin);
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [{ ...endpoint, backends: endpoint.backends.slice(0, 1) }],
  });
  const [anna, ben] = [await proxy.token({ name: "anna" }), await proxy.token({ name: "ben" })];
  const place = await begin(proxy.url, anna.value);
  assertEquals(await send(place, ben.value, "upload, finalize"), 404);
  // Some servers also take these for the same parameter.
  const id = new URL(place).searchParams.get("upload_id");
  const path = place.slice(0, place.indexOf("?"));
  for (
    const query of [
      "upload_id=+ID",
      "upload_id=ID%00",
      "a=1;upload_id=ID",
      "Upload_Id=ID",
      "upload%5Fid[]=ID",
    ]
  ) {
    assertEquals(await send(`${path}?${query.replace("ID", `${id}`)}`, ben.value, "upload"), 404, query);
  }
  const before = upstream.requests.length;
  assertEquals(
    await send(place.replace(/\?upload_id(=[^&]*).*/, "?%75pload%5Fid$1"), ben.value, "upload"),
    404,
  );
  assertEquals(upstream.requests.length, before);
  assertEquals(await send(place, anna.value, "upload, finalize"), 200);
});

Deno.test({
  ...unless(
    withoutPostgres(),
    "resumable uploads: another replica knows the first upload of all as soon as the database does",
  ),
  fn: () =>
    inDatabase(async (databaseUrl) => {
      await using upstream = uploadServer();
      const endpoint = pool(upstream.origin);
      const options = {
        endpoints: [{ ...endpoint, backends: endpoint.backends.slice(0, 1) }],
        management: { databaseUrl, encryptionKey: new Uint8Array(32) },
      };
      await using first = await ManagedProxy.start(upstream, options);
      const [anna, ben] = [await first.token({ name: "anna" }), await first.token({ name: "ben" })];
      await using second = await ManagedProxy.start(upstream, options);
      const place = new URL(await begin(first.url, anna.value));
      const store = await openStore(databaseUrl);
      const id = `uploads/${place.searchParams.get("upload_id")}`;
      await until(async () => (await store.findMadeObjects([id])).length > 0, "the upload in the database");
      await store.close();
      const other = place.href.replace(place.origin, second.url);
      assertEquals(await send(other, ben.value, "upload, finalize"), 404);
      assertEquals(await send(other, anna.value, "upload, finalize"), 200);
    }),
});
