/** Sign-ins and logins at several replicas and at several threads, by processes behind nginx with HTTPS. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { User } from "../../support/processes/login_user.ts";
import { withoutPostgres } from "../../support/processes/postgres_server.ts";
import { inDatabase } from "../../support/processes/shared_postgres.ts";
import { SignInReplicas, SITE_CA } from "../../support/proxies/sign_in_replicas.ts";
import { firstOf, unless, without, withoutLinux } from "../../support/runner/left_out.ts";
import { until } from "../../support/time/deadline.ts";

const KEY = { ENCRYPTION_KEY: new Uint8Array(32).fill(7).toBase64() };
/** So many requests reach both threads of a process, except once in a thousand times. */
const SEVERAL = 10;

async function oneAfterTheOther(site: SignInReplicas): Promise<void> {
  await site.api("POST", "/projects", { body: { name: "Lab" } });
  // A sign-in begins at the first proxy and ends at the last one. The session holds at all of them.
  const visitor = await site.signIn("anna");
  for (let count = 0; count < SEVERAL; count++) {
    const { status, body } = await site.asked(visitor, "GET", "/api/me");
    assertEquals([status, body.role, body.kind], [200, "admin", "person"], `request ${count}`);
  }
  for (let count = 0; count < 3; count++) await site.signIn("anna", "?fresh=1");
  const browser = site.browser();
  const page = await browser.visit(`${site.url}/admin/sign-in/github`);
  assertEquals([page.status, /You are signed in/.test(page.text)], [200, true], page.text);
  const { body: mona } = await site.asked(browser, "GET", "/api/me");
  assertEquals([mona.role, mona.name], ["manager", "octo@example.com (GitHub)"]);
  assertEquals((await browser.visit(page.url)).status, 400, "a callback works once");

  await using user = await User.make();
  const confirm = async (user_code: string): Promise<void> => {
    const { body: { id } } = await site.asked(visitor, "POST", "/api/device-logins/find", { user_code });
    assertEquals((await site.asked(visitor, "POST", `/api/device-logins/${id}/confirm`)).status, 204);
  };
  const distrusted = await user.run(["login", "--url", site.url, "--no-browser"]);
  assertEquals(distrusted.code, 1);
  assertMatch(distrusted.err, /name its ca\.pem with --ca FILE/);
  for (let count = 0; count < 2; count++) {
    const { code, err, out } = await user.login(site.url, confirm, ["--ca", SITE_CA]);
    assertEquals(code, 0, err);
    assert(err.includes(`\n  ${site.url}/admin#device\n`), err);
    assertMatch(out, /^You are logged in at \S+ as anna@example\.com: admin, all projects, until /);
  }
  for (let count = 0; count < 3; count++) {
    const { code, out, err } = await user.run(["whoami", "--json"]);
    assertEquals([code, code === 0 && JSON.parse(out).role], [0, "admin"], err);
  }
  const { body: { data } } = await site.api("GET", "/management-tokens");
  assertEquals(data.map(({ state }: { state: string }) => state), ["active", "revoked"]);
  const left = await user.run(["logout"]);
  assertEquals([left.code, /The token is revoked/.test(left.out)], [0, true], left.err);
  assertEquals((await user.run(["whoami", "--url", site.url])).code, 2);

  const { status } = await site.asked(visitor, "DELETE", "/session");
  assertEquals(status, 200);
  for (let count = 0; count < SEVERAL; count++) {
    assertEquals((await site.asked(visitor, "GET", "/api/me")).status, 401, `request ${count}`);
  }
}

Deno.test({
  ...unless(
    firstOf(withoutPostgres(), without("nginx")),
    "sign-in replicas: a sign-in, a session and a login of a command go over two replicas on PostgreSQL",
  ),
  fn: () =>
    inDatabase(async (url) => {
      const env = { DATABASE_URL: url, ...KEY };
      await using site = await SignInReplicas.start([env, env]);
      await oneAfterTheOther(site);
    }),
});

Deno.test({
  ...unless(
    firstOf(withoutLinux(), without("nginx")),
    "sign-in replicas: a sign-in, a session and a login of a command go over two threads",
  ),
  async fn() {
    await using site = await SignInReplicas.start([{ WORKERS: "2" }]);
    await oneAfterTheOther(site);
  },
});

Deno.test({
  ...unless(
    firstOf(withoutPostgres(), without("nginx")),
    "sign-in replicas: whom a directory disables at one replica, loses each kind of access at the other in time",
  ),
  fn: () =>
    inDatabase(async (url) => {
      const env = { DATABASE_URL: url, ...KEY };
      await using site = await SignInReplicas.start([env, env]);
      const [one, other] = site.proxies;
      assert(one !== undefined && other !== undefined);
      const { body: lab } = await site.api("POST", "/projects", { body: { name: "Lab" } });
      const { body: { token: directory } } = await site.api("POST", "/management-tokens", {
        body: { name: "directory", role: "scim" },
      });
      const user = await site.api("POST", "/scim/v2/Users", {
        token: directory,
        body: {
          schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
          userName: "ben@example.com",
          externalId: "ben",
          active: true,
        },
      });
      assertEquals(user.status, 201, JSON.stringify(user.body));
      site.provider.groups.set("ben", ["llm-admins"]);
      // The last administrator cannot be disabled.
      await site.signIn("anna");
      const visitor = await site.signIn("ben");
      const { body: me } = await site.asked(visitor, "GET", "/api/me");
      const made = await site.asked(visitor, "POST", "/api/management-tokens", {
        name: "bens",
        role: "viewer",
      });
      assertEquals(made.status, 201, JSON.stringify(made.body));
      const token = await site.api("POST", "/tokens", {
        body: { project_id: lab.id, name: "own", owner_id: me.id },
      });
      assertEquals(token.status, 201, JSON.stringify(token.body));
      const jwt = await site.jwt("ben");
      const ways = {
        // nginx takes both replicas in turn.
        session: async () =>
          Math.min(
            ...(await Promise.all([1, 2].map(() => site.asked(visitor, "GET", "/api/me")))).map((
              { status },
            ) => status),
          ),
        management: async () =>
          (await site.api("GET", "/me", { token: made.body.token, proxy: other })).status,
        client: async () => await site.chat(other, token.body.token),
        jwt: async () => await site.chat(other, jwt),
      };
      await until(async () => await ways.client() === 200, "the token at the other replica");
      for (const [name, way] of Object.entries(ways)) assertEquals(await way(), 200, name);
      const patched = await site.api("PATCH", `/scim/v2/Users/${user.body.id}`, {
        token: directory,
        body: {
          schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
          Operations: [{ op: "replace", path: "active", value: false }],
        },
      });
      assertEquals([patched.status, patched.body.active], [200, false]);
      const at = performance.now();
      const after = Object.fromEntries(
        await Promise.all(
          Object.entries(ways).map(async ([name, way]) => {
            await until(async () => await way() === 401, name);
            return [name, performance.now() - at];
          }),
        ),
      );
      assert(after.session < 1_000 && after.management < 1_000, JSON.stringify(after));
      // What docs/sign-in.md promises, with the time of a request.
      assert(after.client < 2_000 && after.jwt < 11_000, JSON.stringify(after));
      const page = await site.browser().signIn(`${site.url}/admin/sign-in/real`, "ben");
      assertEquals(page.status, 403, page.text);
    }),
});
