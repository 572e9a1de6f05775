/** `llm-proxy login`, `logout` and `whoami` as processes: what they print and keep, and who uses it. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { atTerminal, withoutTerminal } from "../../support/processes/at_terminal.ts";
import { DeviceBench, signedIn } from "../../support/proxies/device_bench.ts";
import { IS_WINDOWS, User } from "../../support/processes/login_user.ts";
import { ProxyProcess } from "../../support/processes/proxy_process.ts";
import { assertNoSecrets, SECRETS } from "../../support/data/secrets.ts";
import { firstOf, unless } from "../../support/runner/left_out.ts";
import { until } from "../../support/time/deadline.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { withTlsUpstream } from "../../support/upstreams/tls_upstream.ts";

Deno.test("login: the token is in a file of the user alone, other commands use it, and logout revokes it", async () => {
  await using bench = await DeviceBench.start();
  await using user = await User.make();
  const { url } = bench.proxy;
  const { body: { id: home } } = await bench.proxy.api("POST", "/projects", { name: "home" });
  const anna = await bench.person("anna", { role: "manager", projects: [home] });
  const { code, out, err } = await user.login(
    url,
    (code) => bench.confirm(anna, code),
    ["--machine", "laptop", "--expires", "7d"],
  );
  assertEquals(code, 0, err);
  assertStringIncludes(err, `\n  ${url}/admin#device\n`);
  assertMatch(out, /^You are logged in at \S+ as anna: manager, 1 project, until 20\d\d-.*\(UTC\)\.\n/);
  const { logins } = JSON.parse(await Deno.readTextFile(user.saved));
  const { token, token_id, person } = logins[url];
  bench.proxy.plant(token);
  assertEquals([Object.keys(logins), person], [[url], "anna"]);
  assertMatch(token, /^llmpm_\w{49}$/);
  if (!IS_WINDOWS) {
    const modes = [user.saved, user.saved.replace(/\/[^/]*$/, "")].map((path) =>
      ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8)
    );
    assertEquals(modes, ["600", "700"]);
  }
  const made = await user.run(["token", "create", "phone", "--project", "home", "--url", url, "--json"]);
  assertEquals(made.code, 0, made.err);
  // Without a configuration here, the only login is meant.
  const listed = await user.run(["token", "list"]);
  assertEquals([listed.code, listed.err], [0, `At ${url}, by your login:\n`]);
  assertStringIncludes(listed.out, "phone");
  assertEquals((await user.run(["user", "list", "--url", url])).code, 1, "a manager may not");
  const me = JSON.parse((await user.run(["whoami", "--url", url, "--json"])).out);
  assertEquals([me.name, me.role, me.url], ["anna (llm-proxy login on laptop)", "manager", url]);
  assertEquals(Date.parse(me.expires_at) > Date.now() + 6 * 86_400_000, true);
  // The variable wins over the login, and without --url it means the database here.
  const MANAGEMENT_TOKEN = SECRETS.managementToken;
  const holder = JSON.parse((await user.run(["whoami", "--url", url, "--json"], { MANAGEMENT_TOKEN })).out);
  assertEquals([holder.kind, holder.expires_at], ["bootstrap", null]);
  assertStringIncludes((await user.run(["token", "list"], { MANAGEMENT_TOKEN })).err, "There is no database");
  // A command that ends a proxy needs its address.
  assertStringIncludes((await user.run(["stop"])).err, "The management API is off");
  const left = await user.run(["logout"]);
  assertEquals([left.code, left.out], [0, `You are logged out of ${url}. The token is revoked.\n`]);
  assertEquals((await bench.ask(token, "GET", "/me")).status, 401);
  const { body: { data: [revoked] } } = await bench.proxy.api("GET", "/management-tokens");
  assertEquals([revoked.id, revoked.state], [token_id, "revoked"]);
  await Deno.stat(user.saved).then(() => assert(false, "the file is left"), () => {});
  const none = await user.run(["token", "list", "--url", url]);
  assertEquals([none.code, /llm-proxy login --url URL/.test(none.err)], [2, true], none.err);
  assert(!user.printed.includes(token), "a command printed the token");
});

Deno.test("login: a refusal and an expired code keep nothing, and the exit code says so", async () => {
  await using bench = await DeviceBench.start();
  await using user = await User.make();
  const { url } = bench.proxy;
  const anna = await bench.person("anna");
  const refused = await user.login(url, async (code) => {
    const id = await bench.found(anna, code);
    assertEquals((await anna("POST", `/api/device-logins/${id}/refuse`)).status, 204);
  });
  assertEquals([refused.code, refused.out], [1, ""]);
  assertStringIncludes(refused.err, "The login was refused: A person refused the login.");
  const late = await user.login(url, () => Promise.resolve(bench.clock.pass(11 * 60_000)));
  assertEquals([late.code, late.out], [1, ""]);
  assertStringIncludes(late.err, "The code has expired: no person confirmed in time. Run the command again.");
  await Deno.stat(user.saved).then(() => assert(false, "a login was kept"), () => {});
});

Deno.test("login: with a proxy as a process; a second login replaces the first, and an ended one says what to do", async () => {
  await using user = await User.make();
  await using upstream = new FakeUpstream();
  const data = `${user.folder}/data`;
  await using proxy = await ProxyProcess.start({
    upstream: upstream.origin,
    env: { MANAGEMENT_TOKEN: SECRETS.managementToken, DATABASE_URL: `sqlite:${data}/x.db` },
  });
  const confirm = async (user_code: string): Promise<void> => {
    const holder = await signedIn(proxy.url, { token: SECRETS.managementToken });
    const { body: { id } } = await holder("POST", "/api/device-logins/find", { user_code });
    assertEquals((await holder("POST", `/api/device-logins/${id}/confirm`)).status, 204);
  };
  const tokenOf = async () => JSON.parse(await Deno.readTextFile(user.saved)).logins[proxy.url];
  assertEquals((await user.login(`${proxy.url}/`, confirm)).code, 0);
  const first = await tokenOf();
  const again = await user.login(proxy.url, confirm, ["--json"]);
  const { url, name: _, expires_at, ...shown } = JSON.parse(again.out);
  assertEquals([again.code, url, shown], [0, proxy.url, { person: null, role: "admin", projects: "all" }]);
  assert(Date.parse(expires_at) > Date.now());
  const second = await tokenOf();
  const ask = async (token: string, method = "GET", path = "/me") => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${proxy.url}/manage${path}`, { method, headers });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals([await ask(first.token), await ask(second.token)], [401, 200]);
  assertEquals(await ask(second.token, "DELETE", `/management-tokens/${second.token_id}`), 204);
  const ended = await user.run(["project", "list", "--url", proxy.url]);
  assertEquals(ended.code, 1);
  assertStringIncludes(ended.err, `Log in again: llm-proxy login --url ${proxy.url}`);
  const out = await user.run(["logout", "--url", proxy.url, "--json"]);
  assertEquals([out.code, JSON.parse(out.out)], [0, { url: proxy.url, state: "ended" }]);
  await proxy.stop();
  for (const { name } of Deno.readDirSync(data)) {
    const text = new TextDecoder("latin1").decode(await Deno.readFile(`${data}/${name}`));
    for (const { token } of [first, second]) {
      assert(!text.includes(token), `${name} holds a token in clear`);
      assert(!user.printed.includes(token), "a command printed the token");
    }
  }
});

Deno.test({
  ...unless(
    firstOf(withoutTerminal(), Deno.build.os === "linux" ? undefined : "xdg-open is a program of Linux"),
    "login: at a terminal with a screen, the browser opens the address, without the code and without secrets",
  ),
  async fn() {
    await using bench = await DeviceBench.start();
    await using user = await User.make();
    const opened = `${user.folder}/opened`;
    await Deno.writeTextFile(
      `${user.folder}/xdg-open`,
      `#!/bin/sh\n{ printf '%s\\n' "$@"; env; } >${opened}.part && mv ${opened}.part ${opened}\n`,
      { mode: 0o755 },
    );
    const env = {
      PATH: `${user.folder}:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}`,
      DISPLAY: ":0",
      OPENAI_API_KEY: SECRETS.openaiKey,
      OTHER: "stays",
    };
    // The progress is on the terminal after the browser was started.
    const around = atTerminal([["Waiting until a person confirms", "\x03"]]);
    const { stdout } = await user.command(["login", "--url", bench.proxy.url], env, around).output();
    const shown = new TextDecoder().decode(stdout);
    const [code = ""] = /[A-Z]{4}-[A-Z]{4}/.exec(shown) ?? [];
    assert(code !== "", shown);
    await until(() => textOf(opened) !== "", "the start of the browser");
    const text = textOf(opened);
    assertEquals(text.split("\n")[0], `${bench.proxy.url}/admin#device`);
    assertStringIncludes(text, "OTHER=stays");
    assertNoSecrets(text, "what the browser gets");
    assert(!text.includes(code), "the browser gets the code");
  },
});

/** The content of a file; empty while there is none. */
function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

Deno.test("login: what cannot work says so before a person does anything", async () => {
  await using user = await User.make();
  const noHome = { HOME: "", XDG_CONFIG_HOME: "", APPDATA: "" };
  const cases: readonly (readonly [string[], Record<string, string>, number, RegExp])[] = [
    [["login", "--url", "proxy.lan"], {}, 2, /--url: is not an address like https:\/\/proxy\.lan:33000/],
    [
      ["login", "--url", "http://127.0.0.1:9", "--no-browser"],
      {},
      1,
      /No proxy answers at http:\/\/127\.0\.0\.1:9/,
    ],
    [
      ["login", "--url", "https://127.0.0.1:9", "--no-browser"],
      {},
      1,
      /No proxy answers at https:\/\/127\.0\.0\.1:9: it refused the connection\.\n$/,
    ],
    [["login", "--url", "http://127.0.0.1:9"], noHome, 1, /There is no folder for the login/],
    [
      ["login", "--url", "http://127.0.0.1:9", "--expires", "soon"],
      {},
      2,
      /--expires: "soon" is not a duration/,
    ],
    [["logout"], {}, 1, /You are not logged in at a proxy/],
  ];
  for (const [args, env, code, pattern] of cases) {
    const ended = await user.run(args, env);
    assertMatch(ended.err, pattern);
    assertEquals(ended.code, code, args.join(" "));
  }
  await Deno.mkdir(`${user.folder}/llm-proxy`);
  await Deno.writeTextFile(user.saved, '{"logins": {"http://a": {"token": "llmpm_secret"}}}');
  const damaged = await user.run(["token", "list", "--url", "http://127.0.0.1:9"]);
  assertEquals([damaged.code, damaged.err.includes("llmpm_secret")], [1, false]);
  assertStringIncludes(damaged.err, "it is damaged. Delete it, and log in again.");
});

Deno.test("login: an address without TLS on another machine has a warning before the code, and others have none", async () => {
  await using bench = await DeviceBench.start();
  await using user = await User.make();
  const { port } = new URL(bench.proxy.url);
  const warning = /^Warning: (\S+) is not HTTPS\. Everyone on the way to the proxy can read the token/m;
  const begun = async (url: string, env: Record<string, string> = {}) => {
    const args = ["login", "--url", url, "--no-browser", "--json"];
    const { err, out } = await user.run(args, env);
    return { warned: warning.exec(err)?.[1], out };
  };
  // Names of this machine use no outbound proxy. This one is a proxy that answers nothing of use.
  const env = { HTTP_PROXY: bench.upstream.origin };
  for (const url of ["http://proxy.lan", "http://192.0.2.1:33000"]) {
    const { warned, out } = await begun(url, env);
    assertEquals([warned, /Warning/.test(out)], [url, false]);
  }
  for (
    const url of ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9", `https://127.0.0.1:${port}`]
  ) {
    assertEquals((await begun(url)).warned, undefined, url);
  }
});

Deno.test("login: a .env of the working folder chooses no outbound proxy for the token", async () => {
  await using bench = await DeviceBench.start();
  await using user = await User.make();
  // Names of this machine would not use an outbound proxy, whatever `.env` says.
  const url = "http://proxy.invalid";
  const saved = { token: SECRETS.managementToken, token_id: "mgt_1", person: null, expires_at: "2099-01-01" };
  await Deno.mkdir(`${user.folder}/llm-proxy`);
  await Deno.writeTextFile(user.saved, JSON.stringify({ logins: { [url]: saved } }));
  await Deno.writeTextFile(`${user.folder}/work/.env`, `HTTP_PROXY=${bench.upstream.origin}\n`);
  for (const args of [["whoami"], ["logout", "--url", url], ["login", "--url", url, "--no-browser"]]) {
    const { code, err } = await user.run(args);
    assertEquals([code, /No proxy answers/.test(err)], [1, true], err);
  }
  assertEquals(bench.upstream.requests.length, 0);
  const chosen = await user.run(["whoami"], { HTTP_PROXY: bench.upstream.origin });
  assert(!/No proxy answers/.test(chosen.err), chosen.err);
  assertEquals(bench.upstream.requests.length, 1, "that of the environment is used");
});

Deno.test("commands: the error for a certificate that is not trusted says how to trust it", () =>
  withTlsUpstream(async (origin) => {
    const authority = new URL("../../support/tls/ca.pem", import.meta.url).pathname;
    await using user = await User.make();
    const saved = {
      token: SECRETS.managementToken,
      token_id: "mgt_1",
      person: null,
      expires_at: "2099-01-01",
    };
    await Deno.mkdir(`${user.folder}/llm-proxy`);
    await Deno.writeTextFile(user.saved, JSON.stringify({ logins: { [origin]: saved } }));
    const hint = "If llm-proxy tls init made its certificate, ";
    const env = { MANAGEMENT_TOKEN: SECRETS.managementToken };
    const variable = await user.run(["token", "list", "--url", origin], env);
    assertStringIncludes(variable.err, `${hint}set SSL_CERT_FILE to its ca.pem.\n`);
    const login = await user.run(["whoami"]);
    assertStringIncludes(login.err, `${hint}log in again with --ca FILE.\n`);
    const trusted = await user.run(["token", "list", "--url", origin], { ...env, SSL_CERT_FILE: authority });
    assertStringIncludes(trusted.err, "is not from the management API");
    assertEquals([variable.code, login.code, trusted.code], [1, 1, 1]);
  }));
