/** Which requests to the management plane authenticate a connection. */

import { assertEquals } from "@std/assert";
import { Cancellation } from "../../src/cancellation.ts";
import { systemClock } from "../../src/time/clock.ts";
import { fieldValue } from "../../src/http/fields.ts";
import { openManagement } from "../../src/management/open.ts";
import { fieldsOf } from "../support/data/fields.ts";
import { textSource } from "../support/proxies/handler.ts";
import { SECRETS } from "../support/data/secrets.ts";

const TOKEN = `Authorization: Bearer ${SECRETS.managementToken}`;

interface Asked {
  readonly status: number;
  readonly isVerified: boolean;
  readonly cookie: string;
}

type Ask = (line: string, options?: { fields?: readonly string[]; body?: string }) => Promise<Asked>;

async function withManagement(test: (ask: Ask) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const management = await openManagement({
    token: SECRETS.managementToken,
    databaseUrl: `sqlite:${folder}/x.db`,
    retentionDays: 90,
    adminIdleMs: 3_600_000,
    metricsPublic: false,
  }, { log() {}, clock: systemClock, onSecrets() {} });
  try {
    await test(async (line, { fields = [], body } = {}) => {
      const [method = "", target = ""] = line.split(" ");
      let isVerified = false;
      const reply = await management.answer({
        method,
        target,
        fields: fieldsOf("Host: localhost", ...fields),
        body: body === undefined ? null : textSource(body),
        peer: "192.0.2.1",
        entry: "all",
        onAuthenticated: () => isVerified = true,
        cancellation: new Cancellation(),
      }, {
        path: new URL(target, "http://localhost").pathname,
        address: "192.0.2.1",
        guessPlace: () => "header",
        scheme: () => undefined,
      });
      const cookie = reply && fieldValue(reply.fields, "set-cookie")?.split(";")[0];
      return { status: reply?.status ?? 0, isVerified, cookie: cookie ?? "" };
    });
  } finally {
    await management.close();
    await Deno.remove(folder, { recursive: true });
  }
}

const OPEN = [
  "GET /admin",
  "HEAD /admin",
  "GET /admin/",
  "GET http://localhost/admin",
  "GET /admin/session",
  "GET http://localhost/admin/session",
  "GET //admin/session",
  "DELETE /admin/session",
  "GET /admin/assets/index.js",
  "GET /admin/nothing",
  "GET /manage/tokens",
  "GET /metrics",
  "GET /admin/api/tokens",
];

Deno.test("management plane: requests without a credential do not authenticate the connection", () =>
  withManagement(async (ask) => {
    for (const line of OPEN) {
      const { isVerified } = await ask(line, { fields: ["Sec-Fetch-Site: same-origin"] });
      assertEquals(isVerified, false, line);
    }
    const wrong = await ask("GET /manage/tokens", { fields: ["Authorization: Bearer wrong"] });
    assertEquals([wrong.status, wrong.isVerified], [401, false]);
  }));

Deno.test("management plane: the right token and a valid session authenticate the connection", () =>
  withManagement(async (ask) => {
    for (const line of ["GET /manage/tokens", "GET /metrics", "GET http://localhost/manage/nothing"]) {
      assertEquals((await ask(line, { fields: [TOKEN] })).isVerified, true, line);
    }
    const page = ["Sec-Fetch-Site: same-origin"];
    const signIn = (token: string) =>
      ask("POST /admin/session", { fields: page, body: JSON.stringify({ token }) });
    assertEquals((await signIn("wrong")).isVerified, false);
    const { status, isVerified, cookie } = await signIn(SECRETS.managementToken);
    assertEquals([status, isVerified], [200, true]);
    const fields = [...page, `Cookie: ${cookie}`];
    assertEquals((await ask("GET /admin/api/tokens", { fields })).isVerified, true);
    assertEquals(
      (await ask("GET /admin", { fields })).isVerified,
      false,
      "the page itself checks no session",
    );
  }));
