import { operationOf } from "../../src/apis/operation_of.ts";
import { PulledSource } from "../../src/streams/pulled_source.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { Cancellation } from "../../src/cancellation.ts";
import { ProxyFault } from "../../src/faults.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";
import { HeldBytes } from "../../src/capacity/held_bytes.ts";
import { ANONYMOUS, type Principal, type Rules } from "../../src/principal.ts";
import { readRequest, type UnreadRequest } from "../../src/admission/read_request.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { textSource } from "../support/proxies/handler.ts";

const ENDPOINT = testEndpoint("openai", [testBackend("http://h.test")], { maxBufferBytes: 1_000 });

function holder(rules: Rules): Principal {
  return { ...ANONYMOUS, kind: "token", name: "t", subjects: [{ key: "token:t", what: "token", rules }] };
}

function unread(parts: Partial<UnreadRequest>): UnreadRequest {
  return {
    method: "POST",
    fields: fieldsOf("content-type: application/json"),
    body: textSource('{"model":"a"}'),
    principal: holder({ models: ["a"] }),
    endpoint: ENDPOINT,
    path: "/v1/chat/completions",
    operation: operationOf("POST", parts.path ?? "/v1/chat/completions"),
    isCounted: true,
    namesObjects: false,
    isWebSocket: false,
    cancellation: new Cancellation(),
    bodyMemory: new HeldBytes(1e9).share("anna"),
    ...parts,
  };
}

async function refusal(parts: Partial<UnreadRequest>): Promise<string> {
  return (await assertRejects(async () => await readRequest(unread(parts)), ProxyFault)).code;
}

/** Pieces of so many bytes, and how many were taken. */
function pieces(count: number, bytes: number): { body: MessageBody; taken: () => number } {
  let taken = 0;
  const read = () => Promise.resolve(taken++ < count ? new Uint8Array(bytes).fill(0x20) : null);
  return { body: new PulledSource(read), taken: () => taken };
}

Deno.test("readRequest: a body is held only as far as there is room for all bodies", async () => {
  const all = new HeldBytes(500);
  const other = all.share("bert");
  other.hold(300);
  const { body, taken } = pieces(9, 100);
  assertEquals(await refusal({ body, bodyMemory: all.share("anna") }), "overloaded");
  // One fits, beside which as much is left for others; the second was read, and not kept.
  assertEquals(taken(), 2);
});

Deno.test("readRequest: no more is read than max_buffer_bytes allows", async () => {
  const { body, taken } = pieces(100, 100);
  assertEquals(await refusal({ body }), "payload_too_large");
  assertEquals(taken(), 11);
});

Deno.test("readRequest: a body whose stated length is over max_buffer_bytes is rejected before a byte of it", async () => {
  const { body, taken } = pieces(100, 100);
  const stated: MessageBody = {
    length: 1_001,
    tryRead: () => body.tryRead(),
    readable: () => body.readable(),
    cancel: () => body.cancel(),
  };
  assertEquals(await refusal({ body: stated }), "payload_too_large");
  assertEquals(taken(), 0);
});

Deno.test("readRequest: under a budget a long upload passes unread where its path says plainly that nothing is answered", async () => {
  const principal = holder({ totalBudgetMicros: 1 });
  const long = () => textSource("x".repeat(2_000), 2_000);
  const body = long();
  const { payload, body: passed } = await readRequest(unread({ principal, path: "/v1/files", body }));
  assertEquals([payload, passed], [undefined, body]);
  for (const path of ["/v1//files", "/v1/%66iles", "/v1/chat/completions;/files", "/v1/chat%252f/files"]) {
    assertEquals(await refusal({ principal, path, body: long() }), "bad_request", path);
  }
  assertEquals(await refusal({ principal, body: long() }), "payload_too_large");
  const strict = { principal: holder({ totalBudgetMicros: 1, models: ["a"] }), path: "/v1/files" };
  assertEquals(await refusal({ ...strict, body: long() }), "payload_too_large");
});

Deno.test("readRequest: a field that `connection` names is not what a body is understood by", async () => {
  for (const named of ["content-type", "content-encoding"]) {
    const fields = fieldsOf(
      `connection: ${named}`,
      "content-type: application/json",
      "content-encoding: identity",
    );
    const { fields: sent } = await readRequest(unread({ fields }));
    assertEquals(sent.map(({ lower }) => lower).includes(named), named === "content-type", named);
  }
  const zipped = fieldsOf("connection: content-encoding", "content-encoding: gzip");
  const { payload } = await readRequest(unread({ fields: zipped }));
  assertEquals(payload?.models, ["a"], "it is read as what arrives: plain");
});

Deno.test("readRequest: what the files of a form are is known to the admission", async () => {
  const part =
    'Content-Disposition: form-data; name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\nx';
  const model = 'Content-Disposition: form-data; name="model"\r\n\r\na';
  const { payload } = await readRequest(unread({
    fields: fieldsOf("content-type: multipart/form-data; boundary=b"),
    body: textSource(`--b\r\n${model}\r\n--b\r\n${part}\r\n--b--\r\n`),
    path: "/v1/images/edits",
  }));
  assertEquals([payload?.kind, payload?.form === undefined], ["form", false]);
});
