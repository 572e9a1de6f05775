import { assertEquals } from "@std/assert";
import { clientRequest, pageReply } from "../../../src/management/admin/try_endpoint.ts";
import { Cancellation } from "../../../src/cancellation.ts";
import type { IncomingRequest } from "../../../src/http/message.ts";
import { fieldsOf, linesOf } from "../../support/data/fields.ts";

const ASKED: IncomingRequest = {
  method: "POST",
  target: "/admin/try/openai/v1/x?a=1",
  fields: fieldsOf("Cookie: llm_proxy_session=s; other=1", "Authorization: Bearer T", "cookie: b=2"),
  body: null,
  peer: "192.0.2.1",
  entry: "admin",
  cancellation: new Cancellation(),
};

Deno.test("clientRequest: the request of a client, without the cookies of the page", () => {
  const { target, entry, fields = [] } = clientRequest(ASKED) ?? {};
  assertEquals([target, entry], ["/openai/v1/x?a=1", "clients"]);
  assertEquals(linesOf(fields), ["Authorization: Bearer T"]);
});

Deno.test("clientRequest: accepts only a POST below its path", () => {
  for (const method of ["GET", "HEAD", "PUT", "OPTIONS"]) {
    assertEquals(clientRequest({ ...ASKED, method }), undefined, method);
  }
  for (const target of ["/admin/try", "/admin/tryopenai/v1/x", "http://p/admin/try/openai/v1/x"]) {
    assertEquals(clientRequest({ ...ASKED, target }), undefined, target);
  }
});

Deno.test("pageReply: few headers of the response, and a policy that forbids all scripts", () => {
  const { fields } = pageReply({
    status: 200,
    reason: "OK",
    fields: fieldsOf(
      "Content-Type: text/html",
      "Set-Cookie: a=1",
      "Content-Security-Policy: default-src *",
      "Location: /x",
      "Access-Control-Allow-Origin: *",
      "X-Request-Id: its",
    ),
    body: null,
  });
  const lines = linesOf(fields);
  assertEquals(lines.slice(0, 2), ["Content-Type: text/html", "X-Request-Id: its"]);
  assertEquals(lines.filter((line) => /cookie|location|allow-origin/i.test(line)), []);
  const policies = lines.filter((line) => /^content-security-policy:/i.test(line));
  assertEquals(policies, ["content-security-policy: sandbox; default-src 'none'; frame-ancestors 'none'"]);
});
