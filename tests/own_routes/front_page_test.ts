import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { frontPageReply } from "../../src/own_routes/front_page.ts";
import { adminOffHtml, type AdminPlace, frontHtml, STYLE_HASH } from "../../src/own_routes/page_html.ts";
import { fieldValue } from "../../src/http/fields.ts";
import { fieldsOf } from "../support/data/fields.ts";

const BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
const PLACES: readonly AdminPlace[] = [
  { kind: "off" },
  { kind: "here" },
  { kind: "own_port" },
  { kind: "other_port", port: 33001 },
  { kind: "other_port", port: undefined },
  { kind: "closed" },
];

function ask(line: string, fields: readonly string[], place: AdminPlace | undefined = { kind: "off" }) {
  const [method = "", target = ""] = line.split(" ");
  const [path = "", query = ""] = target.split("?");
  return frontPageReply({ method, path, query, fields: fieldsOf(...fields) }, () => place);
}

/** A request, its fields, and the status of the page. `undefined` if it gets no page. */
const ASKED: readonly (readonly [string, readonly string[], number | undefined])[] = [
  ["GET /", [BROWSER], 200],
  ["HEAD /", [BROWSER], 200],
  ["GET /", [BROWSER, "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"], 200],
  ["GET /?utm=1", [BROWSER], 200],
  ["GET /", ["Accept: Text/HTML"], 200],
  ["GET /admin", [BROWSER], 404],
  ["GET /admin/", [BROWSER], 404],
  ["GET /", [], undefined],
  ["GET /", ["Accept: */*"], undefined],
  ["GET /", ["Accept: text/*"], undefined],
  ["GET /", ["Accept: text/html;q=0, */*"], undefined],
  ["GET /", ["Accept: application/json"], undefined],
  ["GET /", [BROWSER, "Sec-Fetch-Mode: cors"], undefined],
  ["GET /", [BROWSER, "Sec-Fetch-Mode: no-cors"], undefined],
  ["GET /", [BROWSER, "Authorization: Bearer T"], undefined],
  ["GET /", [BROWSER, "Authorization: Basic dTpw"], undefined],
  ["GET /", [BROWSER, "X-Api-Key: T"], undefined],
  ["GET /?key=T", [BROWSER], undefined],
  ["POST /", [BROWSER], undefined],
  ["OPTIONS /", [BROWSER], undefined],
  ["GET /admin/assets/x.js", [BROWSER], undefined],
  ["GET /healthz", [BROWSER], undefined],
  ["GET /openai/v1/models", [BROWSER], undefined],
  ["GET //", [BROWSER], undefined],
];

for (const [line, fields, status] of ASKED) {
  Deno.test(`front page: ${line} with ${fields.join(", ") || "no field"}: ${status ?? "no page"}`, () => {
    assertEquals(ask(line, fields)?.status, status);
  });
}

Deno.test("front page: an address that may not use the proxy gets no page, and the management plane serves /admin if it is on", () => {
  const page = frontPageReply(
    { method: "GET", path: "/", query: "", fields: fieldsOf(BROWSER) },
    () => undefined,
  );
  assertEquals(page, undefined);
  for (const place of PLACES.slice(1)) assertEquals(ask("GET /admin", [BROWSER], place), undefined);
});

Deno.test("front page: the content security policy allows the style of the page and nothing else", async () => {
  const policy = fieldValue(ask("GET /", [BROWSER])?.fields ?? [], "content-security-policy") ?? "";
  assertStringIncludes(policy, "default-src 'none'");
  assert(!/unsafe|https?:|\*|script-src/.test(policy), policy);
  for (const html of [...PLACES.map(frontHtml), adminOffHtml()]) {
    const [, style = ""] = /<style>([^]*)<\/style>/.exec(html) ?? [];
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
    assertEquals(STYLE_HASH, `sha256-${new Uint8Array(digest).toBase64()}`);
    assertStringIncludes(policy, `style-src '${STYLE_HASH}'`);
  }
});

Deno.test("front page: no script, no form, no external resource; it names the address of the admin page", () => {
  for (const html of [...PLACES.map(frontHtml), adminOffHtml()]) {
    assert(!/<script|<form|<iframe|<img|\bon\w+=|\sstyle=/i.test(html), html);
    const linked = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, url]) => url ?? "");
    assert(linked.every((url) => ["data:,", "/", "/admin"].includes(url)), linked.join());
    assertStringIncludes(html, 'name="viewport"');
    assertStringIncludes(html, "prefers-color-scheme:dark");
  }
  const said = PLACES.map((place) => frontHtml(place));
  const has = (text: string) => said.map((html) => html.includes(text));
  assertEquals(has('<a href="/admin">'), [false, true, true, false, false, false]);
  assertEquals(has("MANAGEMENT_TOKEN="), [true, false, false, false, false, false]);
  assertEquals(has("33001"), [false, false, false, true, false, false]);
  assertEquals(has("llm-proxy connect claude-code"), [true, true, false, true, true, true]);
});
