import { assertEquals } from "@std/assert";
import { requestFieldsOf } from "../../src/server/http2/request_fields.ts";

const USUAL = [[":method", "GET"], [":scheme", "https"], [":authority", "p"], [":path", "/x"]] as const;

function requestOf(pairs: readonly (readonly [string, string])[]) {
  const request = requestFieldsOf(pairs.map(([name, value]) => ({ name, lower: name, value })));
  return request && { ...request, fields: request.fields.map(({ name, value }) => `${name}: ${value}`) };
}

Deno.test("requestFieldsOf: fields keep their order, repeats are joined at the first one, and the host comes first", () => {
  assertEquals(
    requestOf([
      ...USUAL,
      ["x-b", "1"],
      ["cookie", "a=1"],
      ["x-a", "1"],
      ["cookie", "b=2"],
      ["x-b", "2"],
      ["te", "trailers"],
      ["content-length", "12"],
    ]),
    {
      method: "GET",
      target: "/x",
      fields: ["host: p", "x-b: 1, 2", "cookie: a=1; b=2", "x-a: 1", "te: trailers", "content-length: 12"],
      length: 12,
    },
  );
  assertEquals(requestOf([...USUAL, ["host", "q"]])?.fields, ["host: q"]);
});

Deno.test("requestFieldsOf: returns undefined for a malformed request", () => {
  const without = (name: string) => USUAL.filter(([one]) => one !== name);
  for (
    const pairs of [
      without(":method"),
      without(":scheme"),
      without(":path"),
      ...USUAL.map((pair) => [...USUAL, pair]),
      [...USUAL, [":status", "200"]],
      [...USUAL, [":protocol", "websocket"]],
      [["x-a", "1"], ...USUAL],
      [...USUAL, ["connection", "close"]],
      [...USUAL, ["transfer-encoding", "chunked"]],
      [...USUAL, ["te", "gzip"]],
      ...["", "+2", "2, 2", "0x2"].map((length) => [...USUAL, ["content-length", length]]),
      ...["", "a b", "p/q", "p?q", "p#q"].map((
        authority,
      ) => [...without(":authority"), [":authority", authority]]),
      ...["", "/a b", "/<", "/\x7f", "/\0", "/?<"].map((path) => [...without(":path"), [":path", path]]),
      [...without(":scheme"), [":scheme", "ht tp"]],
    ] as (readonly (readonly [string, string])[])[]
  ) assertEquals(requestOf(pairs), undefined, JSON.stringify(pairs));
});
