import { assertEquals, assertRejects } from "@std/assert";
import { type AdmissionRequest, admitRequest } from "../../src/admission/admit_request.ts";
import { Cancellation } from "../../src/cancellation.ts";
import { ProxyFault } from "../../src/faults.ts";
import { HeldBytes } from "../../src/capacity/held_bytes.ts";
import { ANONYMOUS } from "../../src/principal.ts";
import { bodyOf } from "../../src/streams/bytes.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";
import { fieldsOf } from "../support/data/fields.ts";

const PLAIN = testEndpoint("openai", [testBackend("https://a.test")]);
const OVERRIDING = testEndpoint("openai", [
  testBackend("https://a.test", { model: { byName: new Map(), otherwise: "b" } }),
]);

/** A request with a body, and how many receiving slots were acquired and released for it. */
function requestWith(
  body: string,
  { endpoint = PLAIN, knownBody }: {
    endpoint?: AdmissionRequest["endpoint"];
    knownBody?: AdmissionRequest["request"]["knownBody"];
  } = {},
): { admission: Parameters<typeof admitRequest>; slots: { acquired: number; released: number } } {
  const slots = { acquired: 0, released: 0 };
  const request: AdmissionRequest = {
    request: {
      method: "POST",
      target: "/openai/v1/chat/completions",
      fields: fieldsOf("content-type: application/json"),
      body: bodyOf(new TextEncoder().encode(body)),
      knownBody,
      peer: "192.0.2.1",
      entry: "all",
      cancellation: new Cancellation(),
    },
    principal: ANONYMOUS,
    endpoint,
    apiPath: "/v1/chat/completions",
    query: "",
    holder: "a",
  };
  const receivingSlots = {
    acquire() {
      slots.acquired++;
      return () => slots.released++;
    },
  };
  const parts = { isWebSocket: false, bodyMemory: new HeldBytes(1e6).share("a"), counted: undefined };
  return { admission: [request, { maxBodyBytes: undefined, receivingSlots }, parts], slots };
}

Deno.test("admitRequest: a body that is only forwarded needs no receiving slot", async () => {
  const { admission, slots } = requestWith("{}");
  await admitRequest(...admission);
  assertEquals(slots, { acquired: 0, released: 0 });
});

Deno.test("admitRequest: a receiving slot is released when the body has been read, and when it is rejected", async () => {
  const good = requestWith('{"model":"a"}', { endpoint: OVERRIDING });
  await admitRequest(...good.admission);
  assertEquals(good.slots, { acquired: 1, released: 1 });
  const malformed = requestWith('{"model":', { endpoint: OVERRIDING });
  await assertRejects(() => admitRequest(...malformed.admission), ProxyFault);
  assertEquals(malformed.slots, { acquired: 1, released: 1 });
});

Deno.test("admitRequest: a receiving slot is released when the client leaves before its body begins", async () => {
  const { admission, slots } = requestWith("", { knownBody: () => Promise.reject(new Error("gone")) });
  await assertRejects(() => admitRequest(...admission), Error, "gone");
  assertEquals(slots, { acquired: 1, released: 1 });
});
