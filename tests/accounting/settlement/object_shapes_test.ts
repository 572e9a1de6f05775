/**
 * What providers say of objects that can be looked at again, by the types of their SDKs and their
 * documentation.
 */

import { assertEquals } from "@std/assert";
import type { ResponseSummary } from "../../../src/accounting/taps/response_summary.ts";
import { ResponseTap } from "../../../src/accounting/taps/response_tap.ts";
import { objectRequestOf } from "../../../src/accounting/settlement/object_paths.ts";
import { settlementAction } from "../../../src/accounting/settlement/settlement.ts";
import { contentFields } from "../../support/data/fields.ts";

interface Golden {
  readonly source: string;
  readonly request: { readonly method: string; readonly path: string };
  readonly type: string;
  /** An object, or the text of a stream or of a file. */
  readonly answer: unknown;
  readonly expect: {
    readonly kind: string;
    readonly action: string;
    /** The id in the path. */
    readonly requestId?: string;
    readonly id?: string;
    readonly state?: string;
    readonly isBackground?: boolean;
    readonly resultsId?: string;
    readonly listed?: unknown;
    readonly parts?: unknown;
    readonly usage?: unknown;
    /** What follows; absent: the object is made, or listed. */
    readonly verdict?: string;
  };
}

const FOLDER = new URL("../../golden/objects/", import.meta.url);

for (const { name } of [...Deno.readDirSync(FOLDER)].sort((one, other) => one.name < other.name ? -1 : 1)) {
  const golden: Golden = JSON.parse(Deno.readTextFileSync(new URL(name, FOLDER)));
  Deno.test(`objects of providers: ${name}`, async () => {
    const { request, type, answer, expect } = golden;
    const asked = objectRequestOf(request);
    assertEquals(asked && { kind: asked.kind, action: asked.action, requestId: asked.id }, {
      kind: expect.kind,
      action: expect.action,
      requestId: expect.requestId,
    });
    if (asked === undefined) return;
    const bytes = new TextEncoder().encode(typeof answer === "string" ? answer : JSON.stringify(answer));
    for (const size of [bytes.length, 1, 7]) {
      const tap = ResponseTap.of(contentFields(type), { object: asked });
      for (let at = 0; at < bytes.length; at += size) tap?.write(bytes.subarray(at, at + size));
      const observed: ResponseSummary = await tap?.end() ?? { usage: {} };
      const { object } = observed;
      assertEquals({
        state: object?.state,
        isBackground: object?.isBackground ?? false,
        resultsId: object?.resultsId,
        listed: object?.listed ?? [],
        parts: object?.parts ?? [],
        usage: observed.usage,
      }, {
        state: expect.state,
        isBackground: expect.isBackground ?? false,
        resultsId: expect.resultsId,
        listed: expect.listed ?? [],
        parts: expect.parts ?? [],
        usage: expect.usage ?? {},
      }, `${size} bytes at a time`);
      if (expect.id !== undefined) assertEquals(object?.id, expect.id);
      if (expect.verdict === undefined) continue;
      assertEquals(settlementAction(asked, { summary: observed, isWhole: true }).kind, expect.verdict);
    }
  });
}

Deno.test("objectRequestOf: other paths have nothing to do with objects", () => {
  for (
    const [method, path] of [
      ["POST", "/v1/chat/completions"],
      ["GET", "/v1/chat/completions/chatcmpl-1"],
      ["POST", "/v1/responses/compact"],
      ["POST", "/v1/responses/input_tokens"],
      ["GET", "/v1/responses/resp_1/input_items"],
      ["GET", "/v1/files"],
      ["GET", "/v1/files/file-1"],
      ["POST", "/v1/vector_stores/vs_1/file_batches"],
      ["GET", `/v1/responses/${"x".repeat(600)}`],
      ["GET", "/v1/fine_tuning/jobs/ftjob_1"],
      ["GET", "/v1/responses"],
    ] as const
  ) assertEquals(objectRequestOf({ method, path }), undefined, `${method} ${path}`);
});

Deno.test("objectRequestOf: an id that stands encoded in the path is decoded", () => {
  assertEquals(objectRequestOf({ method: "GET", path: "/v1/responses/resp_bGk%3D" })?.id, "resp_bGk=");
  assertEquals(objectRequestOf({ method: "GET", path: "/v1/responses/resp_%E0%A4%A" })?.id, "resp_%E0%A4%A");
});

Deno.test("objectRequestOf: letters of the path may stand encoded, and slashes repeated", () => {
  for (const path of ["/v1/messages/batches/b_1/result%73", "/v1//messages/batches/b_1/results/"]) {
    assertEquals(
      objectRequestOf({ method: "GET", path }),
      { kind: "batch", action: "results", id: "b_1" },
      path,
    );
  }
});
