/** How `llm-proxy login` polls: its pauses, and what it makes of each answer. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { awaitToken, beginLogin, type BegunLogin, pageAddress } from "../../src/cli/login/device_flow.ts";
import { CommandError } from "../../src/cli/command_error.ts";
import { field } from "../../src/http/fields.ts";

const BEGUN: BegunLogin = {
  device_code: "the device code",
  user_code: "BCDF-GHJK",
  verification_uri: "http://proxy.lan:33000/admin#device",
  expires_in: 600,
  interval: 2,
};
const TOKEN = {
  access_token: "the token",
  token_type: "Bearer",
  expires_in: 60,
  token_id: "mgt_1",
  name: "laptop",
  person: "anna",
  role: "viewer",
  projects: "all",
  expires_at: "2026-12-01T00:00:00.000Z",
} as const;

type Answer = readonly [status: number, body: unknown, retryAfter?: string];
const error = (name: string): Answer => [400, { error: name, error_description: `of ${name}` }];

/** Polls a proxy that gives these answers; a missing one is no answer. Gives the pauses in seconds. */
async function polling(answers: readonly (Answer | undefined)[]) {
  const pauses: number[] = [];
  const forms: unknown[] = [];
  let at = 0;
  const left = [...answers];
  const ended = await awaitToken(BEGUN, {
    now: () => at,
    wait(ms) {
      pauses.push(ms / 1000);
      at += ms;
      return Promise.resolve();
    },
    send(path, form) {
      forms.push([path, form]);
      const answer = left.shift();
      if (answer === undefined) return Promise.reject(new Error("no answer"));
      const [status, body, retryAfter] = answer;
      const fields = retryAfter === undefined ? [] : [field("retry-after", retryAfter)];
      return Promise.resolve({
        status,
        text: typeof body === "string" ? body : JSON.stringify(body),
        fields,
      });
    },
  }).catch((thrown: unknown) => thrown);
  return { pauses, forms, ended };
}

Deno.test("device flow: it waits the interval before each poll, longer after slow_down, and returns the token", async () => {
  const pending = error("authorization_pending");
  const { pauses, forms, ended } = await polling([
    pending,
    error("slow_down"),
    pending,
    error("slow_down"),
    [200, TOKEN],
  ]);
  assertEquals(pauses, [2, 2, 7, 7, 12]);
  assertEquals(ended, TOKEN);
  assertEquals(forms[0], ["/manage/device/token", {
    client_id: "llm-proxy",
    grant_type: "urn:ietf:params:oauth:grant-type:device_code",
    device_code: "the device code",
  }]);
});

Deno.test("device flow: without an answer the pauses grow, and a proxy that says how long is obeyed", async () => {
  const { pauses, ended } = await polling([
    undefined,
    [503, "starting"],
    error("authorization_pending"),
    [429, { detail: "wait" }, "15"],
    [200, TOKEN],
  ]);
  assertEquals(pauses, [2, 4, 8, 2, 15]);
  assertEquals(ended, TOKEN);
  const never = await polling([]);
  assertEquals([Math.max(...never.pauses), never.pauses.reduce((sum, one) => sum + one) >= 600], [30, true]);
  assertStringIncludes(String(never.ended), "The code has expired");
});

Deno.test("device flow: a refusal, an expired code and a strange answer end it with what to do", async () => {
  const cases: readonly (readonly [Answer, string])[] = [
    [error("access_denied"), "The login was refused: of access_denied"],
    [error("expired_token"), "The code has expired: no person confirmed in time. Run the command again."],
    [error("invalid_grant"), "The proxy rejects the login: of invalid_grant"],
    [[200, "<html>"], "The response 200 is not from llm-proxy. Check --url."],
    [[302, ""], "The response 302 is not from llm-proxy. Check --url."],
  ];
  for (const [answer, message] of cases) {
    const { ended } = await polling([answer]);
    assertEquals(ended instanceof CommandError && ended.message, message);
  }
});

Deno.test("device flow: codes that would change the terminal, and other servers, are rejected", async () => {
  const begin = (status: number, body: unknown) =>
    beginLogin(() => Promise.resolve({ status, text: JSON.stringify(body), fields: [] }), {
      machine: "laptop",
      lifetimeS: undefined,
    });
  assertEquals(await begin(200, BEGUN), BEGUN);
  const hostile = [
    { ...BEGUN, user_code: "BCDF\x1b[2J" },
    { ...BEGUN, verification_uri: "javascript:alert(1)" },
    { ...BEGUN, verification_uri: "http://proxy.lan/\u202e" },
    { ...BEGUN, interval: "2" },
    {},
  ];
  for (const body of hostile) await assertRejects(() => begin(200, body), CommandError, "not from llm-proxy");
  await assertRejects(() => begin(401, { error: { message: "x" } }), CommandError, "management API is off");
  await assertRejects(
    () => begin(429, { type: "about:blank", title: "x", status: 429, detail: "Too many" }),
    CommandError,
    "Too many",
  );
});

Deno.test("device flow: the name of the person cannot change the terminal", async () => {
  const { ended } = await polling([[200, { ...TOKEN, person: "anna\x1b]52;c;eA==\x07\u202e" }]]);
  assertEquals(ended, { ...TOKEN, person: "anna\\x1b]52;c;eA==\\x07\\u202e" });
});

Deno.test("device flow: the page has the scheme of the command, unless the proxy names another host", () => {
  const at = (verification_uri: string, url: string) => pageAddress({ ...BEGUN, verification_uri }, url);
  assertEquals(at("http://p.lan/admin#device", "https://p.lan"), "https://p.lan/admin#device");
  assertEquals(
    at("https://llm.example.com/admin#device", "http://10.0.0.5:33000"),
    "https://llm.example.com/admin#device",
  );
});
