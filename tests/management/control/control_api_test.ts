/** The check of signed requests, and the signatures of answers. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ManageApi } from "../../../src/management/api/manage.ts";
import { Problem } from "../../../src/management/api/problem.ts";
import { createControlApi } from "../../../src/management/control/control_api.ts";
import {
  type ControlRequest,
  createControlSecret,
  createNonce,
  credentialOf,
  isProven,
  PROOF_HEADER,
} from "../../../src/management/control/signatures.ts";
import { MovedClock } from "../../support/time/moved_clock.ts";

const NOW = Date.UTC(2026, 0, 1);

function setUp(respond: () => Response = () => new Response(null, { status: 202 })) {
  const secret = createControlSecret();
  const clock = new MovedClock(NOW);
  let calls = 0;
  let verified = 0;
  const inner: ManageApi = () => {
    calls++;
    return Promise.resolve(respond());
  };
  const api = createControlApi(inner, { secret, clock });
  const send = (line: string, authorization: string | undefined) => {
    const [method = "", path = ""] = line.split(" ");
    return api(
      new Request(`http://llm-proxy${path}`, { method, headers: authorization ? { authorization } : {} }),
      { source: "127.0.0.1", guessPlace: "header", onVerified: () => void verified++ },
    );
  };
  const sign = (line: string, more: Partial<ControlRequest> = {}, key = secret) => {
    const [method = "", path = ""] = line.split(" ");
    return credentialOf(key, { method, path, atMs: NOW, nonce: createNonce(), ...more });
  };
  return { secret, clock, send, sign, counts: () => [calls, verified] };
}

Deno.test("control API: accepts a signed request once, and signs the answer", async () => {
  const { secret, send, sign, counts } = setUp(() => new Response('{"detail":"x"}', { status: 422 }));
  const nonce = createNonce();
  const credential = await sign("POST /manage/reload", { nonce });
  const response = await send("POST /manage/reload", credential);
  const answer = { nonce, status: response.status, text: await response.text() };
  assertEquals([answer.status, answer.text], [422, '{"detail":"x"}']);
  const proof = response.headers.get(PROOF_HEADER) ?? "";
  assert(await isProven(secret, answer, proof));
  const forged = [
    { ...answer, status: 200 },
    { ...answer, text: "{}" },
    { ...answer, nonce: createNonce() },
  ];
  for (const other of forged) assertEquals(await isProven(secret, other, proof), false);
  assertEquals(await isProven(createControlSecret(), answer, proof), false);
  for (const wrong of ["", "00", "0".repeat(64), "x".repeat(64)]) {
    assertEquals(await isProven(secret, answer, wrong), false);
  }
  await assertRejects(
    () => send("POST /manage/reload", credential),
    Problem,
    "does not accept the signature",
  );
  assertEquals(counts(), [1, 1]);
});

Deno.test("control API: of two copies of a request at the same time, one is accepted", async () => {
  const { send, sign, counts } = setUp();
  const credential = await sign("POST /manage/stop");
  const results = await Promise.allSettled([1, 2, 3].map(() => send("POST /manage/stop", credential)));
  assertEquals(results.map(({ status }) => status).sort(), ["fulfilled", "rejected", "rejected"]);
  assertEquals(counts(), [1, 1]);
});

Deno.test("control API: rejects what is not signed for this method, path, time and run", async () => {
  const { clock, send, sign, counts } = setUp();
  const reload = await sign("GET /manage/reload");
  const rejected: [line: string, authorization: string | undefined][] = [
    ["POST /manage/reload", reload],
    ["POST /manage/stop", reload],
    ["GET /manage/reload?x=1", reload],
    ["GET /manage/reload", undefined],
    ["GET /manage/reload", "LLM-Proxy-Control "],
    ["GET /manage/reload", `${reload}0`],
    ["GET /manage/reload", reload.replace(/.$/, (last) => last === "0" ? "1" : "0")],
    ["GET /manage/reload", reload.replace(`${NOW}`, `${NOW + 1}`)],
    ["GET /manage/reload", await sign("GET /manage/reload", {}, createControlSecret())],
    ["GET /manage/reload", await sign("GET /manage/reload", { atMs: NOW - 60_001 })],
    ["GET /manage/reload", await sign("GET /manage/reload", { atMs: NOW + 60_001 })],
    // Commands use the database for everything else.
    ["GET /manage/tokens", await sign("GET /manage/tokens")],
    ["GET /manage/backup", await sign("GET /manage/backup")],
    ["GET /manage/reload?x=1", await sign("GET /manage/reload?x=1")],
  ];
  for (const [line, authorization] of rejected) {
    await assertRejects(() => send(line, authorization), Problem, "does not accept the signature");
  }
  assertEquals(counts(), [0, 0]);
  assertEquals((await send("GET /manage/reload", reload)).status, 202);
  // The proxy forgets the nonce only when the time alone rejects the request.
  clock.set(NOW + 60_000);
  await assertRejects(() => send("GET /manage/reload", reload), Problem);
  clock.set(NOW + 60_001);
  await send("GET /manage/reload", await sign("GET /manage/reload", { atMs: NOW + 60_001 }));
  await assertRejects(() => send("GET /manage/reload", reload), Problem);
  assertEquals(counts(), [2, 2]);
});
