/** Passkeys at the admin page: adding them, signing in, and what a hostile browser or authenticator sends. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Authenticator, type Lies } from "../../support/clients/authenticator.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { type Browser, DeviceBench } from "../../support/proxies/device_bench.ts";
import { PASSPHRASE, SignInBench } from "../../support/proxies/sign_in_bench.ts";

const MINUTE_MS = 60_000;

// What the API says; tests look at what they know of it.
// deno-lint-ignore no-explicit-any
type Json = any;

/** A proxy with people at `localhost`, where browsers allow passkeys without HTTPS. */
async function openBench(): Promise<SignInBench> {
  const bench = await SignInBench.start();
  bench.url = bench.proxy.url.replace("127.0.0.1", "localhost");
  return bench;
}

/** Adds a passkey to the person of the session. */
async function add(bench: SignInBench, key: Authenticator, lies: Lies = {}, name = "phone") {
  const begun = await bench.ask("POST", "/session/passkeys/begin");
  assertEquals(begun.status, 200, begun.text);
  return await bench.ask("POST", "/session/passkeys", {
    name,
    passkey: await key.create(begun.body.options, lies),
  });
}

/** Signs in with a passkey, in a browser without a session. */
async function signIn(bench: SignInBench, key: Authenticator, lies: Lies = {}) {
  bench.cookie = "";
  const begun = await bench.ask("POST", "/session/passkey/begin");
  return await bench.ask("POST", "/session/passkey", { passkey: await key.get(begun.body.options, lies) });
}

/** A person with a passkey, who is signed in with the passphrase. */
async function personWithPasskey(bench: SignInBench, login: string): Promise<Authenticator> {
  const key = await Authenticator.at(bench.url);
  await bench.addPerson(login);
  bench.cookie = "";
  assertEquals((await bench.signIn(login)).status, 200);
  const added = await add(bench, key);
  assertEquals(added.status, 201, added.text);
  return key;
}

Deno.test("passkeys: a person adds one with a fresh proof, signs in with it, renames it and removes it with its sessions", async () => {
  await using bench = await openBench();
  await bench.addPerson("anna", { role: "viewer" });
  assertEquals((await bench.ask("GET", "/session")).body.passkeys, "unused");
  await bench.signIn("anna");
  const byPassphrase = bench.cookie;
  const key = await Authenticator.at(bench.url);
  bench.clock.pass(11 * MINUTE_MS);
  for (const path of ["/session/passkeys/begin", "/session/passkeys"]) {
    const { status, body } = await bench.ask("POST", path, {});
    assertEquals([status, body.code], [403, "sign_in_again"], path);
  }
  await bench.ask("POST", "/session/confirm", { passphrase: PASSPHRASE });
  const added = await add(bench, key);
  assertEquals(added.status, 201, added.text);
  assertEquals((await bench.ask("GET", "/session")).body.passkeys, "ready");
  const { id } = added.body;
  const signedIn = await signIn(bench, key);
  assertEquals([signedIn.status, signedIn.body.person.role], [200, "viewer"], signedIn.text);
  assertEquals((await bench.ask("GET", "/api/me")).body.name, "anna (passkey)");
  const [session] = (await bench.ask("GET", "/api/sessions")).body.data;
  assertEquals([session.way, session.current], ["passkey", true]);
  assertEquals((await bench.ask("PATCH", `/api/passkeys/${id}`, { name: "my phone" })).status, 204);
  const [listed] = (await bench.ask("GET", "/api/passkeys")).body.data;
  assertEquals({ ...listed, created_at: "", last_used_at: "" }, {
    id,
    person_id: "usr_anna",
    person_name: "Person usr_anna",
    name: "my phone",
    host: "localhost",
    synced: false,
    state: "active",
    created_at: "",
    last_used_at: "",
  });
  assert(Math.abs(Date.parse(listed.last_used_at) - bench.clock.epochMs()) < MINUTE_MS);
  const byPasskey = bench.cookie;
  bench.cookie = byPassphrase;
  assertEquals((await bench.ask("DELETE", `/api/passkeys/${id}`)).status, 204);
  assertEquals((await bench.ask("GET", "/api/me")).status, 200, "the session of the passphrase stays");
  bench.cookie = byPasskey;
  assertEquals((await bench.ask("GET", "/api/me")).status, 401, "the session of the passkey has ended");
  assertEquals((await signIn(bench, key)).status, 401);
  const { data } = (await bench.proxy.api("GET", "/audit")).body;
  const entries = data.filter(({ action }: Json) => /^passkey|^admin.sign_in/.test(action));
  assertEquals(entries.map(({ action, actor, changes }: Json) => [action, actor, changes]), [
    ["passkey.remove", "anna (passphrase)", { name: "my phone", person: "anna" }],
    ["passkey.rename", "anna (passkey)", { name: "my phone" }],
    ["admin.sign_in", "anna (passkey)", {}],
    ["passkey.add", "anna (passphrase)", { name: "phone", person: "anna" }],
    ["admin.sign_in", "anna (passphrase)", {}],
  ]);
});

Deno.test("passkeys: a signature is a fresh proof of its person, and of no other session", async () => {
  await using bench = await openBench();
  const ofBen = await personWithPasskey(bench, "ben");
  const ofAnna = await personWithPasskey(bench, "anna");
  bench.clock.pass(11 * MINUTE_MS);
  const confirm = async (key: Authenticator) => {
    const begun = await bench.ask("POST", "/session/passkey/begin");
    return await bench.ask("POST", "/session/passkey/confirm", {
      passkey: await key.get(begun.body.options),
    });
  };
  assertEquals((await confirm(ofBen)).status, 403);
  assertEquals((await bench.ask("POST", "/session/passkeys/begin")).status, 403);
  assertEquals((await confirm(ofAnna)).status, 204);
  assertEquals((await bench.ask("POST", "/session/passkeys/begin")).status, 200);
  bench.cookie = "";
  assertEquals((await confirm(ofAnna)).status, 401, "without a session");
});

Deno.test("passkeys: hostile responses at the sign-in are one answer, and each is a guess", async () => {
  await using bench = await openBench();
  const anna = await personWithPasskey(bench, "anna");
  const ben = await personWithPasskey(bench, "ben");
  const cleo = await personWithPasskey(bench, "cleo");
  const stranger = await Authenticator.at(bench.url);
  stranger.userHandle = anna.userHandle;
  const hostile: Record<string, () => Promise<{ status: number; text: string }>> = {
    "the wrong origin": () => signIn(bench, anna, { origin: "https://evil.example" }),
    "another port": () => signIn(bench, anna, { origin: "http://localhost:1" }),
    "the wrong host": () => signIn(bench, anna, { rpId: "evil.example" }),
    "no verification of the user": () => signIn(bench, anna, { isVerified: false }),
    "no user": () => signIn(bench, anna, { isPresent: false }),
    "a chosen challenge": () => signIn(bench, anna, { challenge: "AAAA" }),
    "the type of another ceremony": () => signIn(bench, anna, { type: "webauthn.create" }),
    "a wrong signature": () => signIn(bench, anna, { signsOther: true }),
    "the passkey of another person": () => signIn(bench, anna, { id: ben.id }),
    "the person of another passkey": () => signIn(bench, anna, { userHandle: ben.userHandle }),
    "an unknown passkey": () => signIn(bench, stranger),
    "the challenge of another browser": async () => {
      bench.cookie = "";
      const { body: { options } } = await bench.ask("POST", "/session/passkey/begin");
      await bench.ask("POST", "/session/passkey/begin");
      return await bench.ask("POST", "/session/passkey", { passkey: await anna.get(options) });
    },
    "no cookie": async () => {
      const { body: { options } } = await bench.ask("POST", "/session/passkey/begin");
      bench.challenge = "";
      return await bench.ask("POST", "/session/passkey", { passkey: await anna.get(options) });
    },
    "a changed cookie": async () => {
      const { body: { options } } = await bench.ask("POST", "/session/passkey/begin");
      bench.challenge = bench.challenge.replace(/.(?=.{10}$)/, (one) => one === "A" ? "B" : "A");
      return await bench.ask("POST", "/session/passkey", { passkey: await anna.get(options) });
    },
    "a late response": async () => {
      const { body: { options } } = await bench.ask("POST", "/session/passkey/begin");
      bench.clock.pass(5 * MINUTE_MS);
      return await bench.ask("POST", "/session/passkey", { passkey: await anna.get(options) });
    },
    "a replayed response": async () => {
      bench.cookie = "";
      const { body: { options } } = await bench.ask("POST", "/session/passkey/begin");
      const { challenge } = bench;
      const passkey = await anna.get(options);
      assertEquals((await bench.ask("POST", "/session/passkey", { passkey })).status, 200);
      assert(/=$/.test(bench.challenge), "the browser forgets the challenge");
      bench.challenge = challenge;
      return await bench.ask("POST", "/session/passkey", { passkey });
    },
    "the used challenge with a new signature": async () => {
      const { body: { options } } = await bench.ask("POST", "/session/passkey/begin");
      const { challenge } = bench;
      await bench.ask("POST", "/session/passkey", { passkey: await anna.get(options) });
      bench.challenge = challenge;
      return await bench.ask("POST", "/session/passkey", { passkey: await anna.get(options) });
    },
    "a challenge for a new passkey": async () => {
      await bench.signIn("anna");
      const { body: { options } } = await bench.ask("POST", "/session/passkeys/begin");
      return await bench.ask("POST", "/session/passkey", { passkey: await anna.get(options) });
    },
    "a person whom a provider knows": async () => {
      await bench.proxy.execute("UPDATE people SET provider = 'home', subject = '1' WHERE id = 'usr_cleo'");
      return await signIn(bench, cleo);
    },
    "a disabled person": async () => {
      const disabled = { disabled: true };
      assertEquals((await bench.proxy.api("PATCH", "/people/usr_ben", disabled)).status, 200);
      return await signIn(bench, ben);
    },
  };
  const answers = new Set<string>();
  for (const [what, send] of Object.entries(hostile)) {
    const { status, text } = await send();
    assertEquals(status, 401, `${what}: ${text}`);
    answers.add(text);
    // Five guesses must wait, up to a quarter of an hour.
    bench.clock.pass(16 * MINUTE_MS);
  }
  assertEquals(answers.size, 1, [...answers].join("\n"));
  assertEquals((await signIn(bench, anna)).status, 200);
  const { data } = (await bench.proxy.api("GET", "/audit?limit=100")).body;
  assert(data.some(({ changes }: Json) => changes.wrong_passkeys === 1));
  for (let guess = 0; guess < 5; guess++) await signIn(bench, stranger);
  assertEquals((await signIn(bench, anna)).status, 429, "with the right one too");
});

Deno.test("passkeys: a counter that goes back blocks the passkey, and ends its sessions", async () => {
  await using bench = await openBench();
  const key = await personWithPasskey(bench, "anna");
  const thief = key.copy();
  assertEquals((await signIn(bench, key)).status, 200);
  const session = bench.cookie;
  const answer = await signIn(bench, thief);
  assertEquals(answer.status, 401);
  assertMatch(answer.body.detail, /^This passkey is blocked, because there may be a copy of it/);
  bench.cookie = session;
  assertEquals((await bench.ask("GET", "/api/me")).status, 401);
  assertEquals((await signIn(bench, key, { counter: 1000 })).status, 401, "for ever");
  await bench.signIn("anna");
  assertEquals((await bench.ask("GET", "/api/passkeys")).body.data[0].state, "blocked");
  const { data } = (await bench.proxy.api("GET", "/audit")).body;
  const [entry] = data.filter(({ action }: Json) => action === "passkey.block");
  assertEquals([entry.actor, entry.changes], ["anna (passkey)", {
    name: "phone",
    counter: 2,
    last_counter: 2,
  }]);
  const uncounted = await Authenticator.at(bench.url);
  const uncountedLies = { counter: 0, attestation: "packed" } as const;
  assertEquals((await add(bench, uncounted, uncountedLies, "in the account")).status, 201, "it signs itself");
  for (let time = 0; time < 2; time++) {
    assertEquals((await signIn(bench, uncounted, { counter: 0 })).status, 200, "it does not count");
  }
});

Deno.test("passkeys: hostile responses add no passkey", async () => {
  await using bench = await openBench();
  const ofBen = await personWithPasskey(bench, "ben");
  await bench.addPerson("anna");
  bench.cookie = "";
  await bench.signIn("anna");
  const key = await Authenticator.at(bench.url);
  const lies: Record<string, Lies> = {
    "the wrong origin": { origin: "https://evil.example" },
    "the wrong host": { rpId: "evil.example" },
    "no verification of the user": { isVerified: false },
    "a chosen challenge": { challenge: "AAAA" },
    "the type of another ceremony": { type: "webauthn.get" },
    "another id": { id: ofBen.id },
  };
  for (const [what, lie] of Object.entries(lies)) {
    assertEquals((await add(bench, key, lie)).status, 400, what);
  }
  const taken = await Authenticator.at(bench.url);
  Object.assign(taken, { id: ofBen.id });
  assertEquals((await add(bench, taken)).status, 409, "the passkey of another person");
  const { body: { options } } = await bench.ask("POST", "/session/passkeys/begin");
  const body = { name: "phone", passkey: await key.create(options) };
  const { challenge, cookie } = bench;
  await bench.ask("POST", "/session/passkey/begin");
  assertEquals(
    (await bench.ask("POST", "/session/passkeys", body)).status,
    400,
    "the challenge of a sign-in",
  );
  bench.cookie = "";
  await bench.signIn("anna");
  bench.challenge = challenge;
  assertEquals((await bench.ask("POST", "/session/passkeys", body)).status, 400, "another session");
  bench.cookie = cookie;
  for (const status of [201, 400]) {
    bench.challenge = challenge;
    assertEquals((await bench.ask("POST", "/session/passkeys", body)).status, status, "once");
  }
  const { data } = (await bench.proxy.api("GET", "/passkeys")).body;
  assertEquals(data.map(({ person_id }: Json) => person_id), ["usr_anna", "usr_ben"]);
  bench.challenge = "";
  for (const wrong of [{}, { name: "x" }, { name: "", passkey: body.passkey }, { name: "x", passkey: {} }]) {
    await bench.signIn("anna");
    assertEquals((await bench.ask("POST", "/session/passkeys", wrong)).status, 400, JSON.stringify(wrong));
  }
});

Deno.test("passkeys: an IP address, the management token and people of a provider have none, and another origin begins nothing", async () => {
  await using bench = await openBench();
  const local = bench.url;
  bench.url = bench.proxy.url;
  assertEquals((await bench.ask("GET", "/session")).body.passkeys, undefined);
  const begun = await bench.ask("POST", "/session/passkey/begin");
  assertEquals([begun.status, /HTTPS with a host name/.test(begun.text)], [409, true]);
  bench.url = local;
  await bench.ask("POST", "/session", { token: SECRETS.managementToken });
  assertEquals((await bench.ask("POST", "/session/passkeys/begin")).status, 409);
  const origin = { kind: "provider", provider: "home", subject: "1" } as const;
  await bench.addPerson("ben", { origin });
  await bench.addSession("usr_ben", "home");
  const ofProvider = await bench.ask("POST", "/session/passkeys/begin");
  assertEquals([ofProvider.status, ofProvider.body.detail], [
    409,
    "You sign in with a provider: add a passkey there.",
  ]);
  const other = await fetch(`${local}/admin/session/passkey/begin`, {
    method: "POST",
    headers: { origin: "http://localhost:1", "sec-fetch-site": "same-site" },
  });
  await other.body?.cancel();
  assertEquals(other.status, 403);
});

Deno.test("passkeys: the public URL has its own, and no other name in Host has any", async () => {
  await using bench = await SignInBench.start({ management: { publicUrl: "https://llm.example.com" } });
  const ask = async (host: string) => {
    using client = await RawClient.connect(bench.proxy.url);
    await client.send(
      `POST /admin/session/passkey/begin HTTP/1.1\r\nhost: ${host}\r\norigin: https://${host}\r\n` +
        "sec-fetch-site: same-origin\r\ncontent-length: 0\r\n\r\n",
    );
    return await client.answer();
  };
  const { status, text, header } = await ask("llm.example.com");
  assertEquals([status, JSON.parse(text).options.rpId], [200, "llm.example.com"]);
  assertMatch(
    header("set-cookie") ?? "",
    /^llm_proxy_session_passkey=[\w-]+;.* HttpOnly; Secure; SameSite=Strict$/,
  );
  assertEquals((await ask("evil.example.com")).status, 409);
});

Deno.test("passkeys: a session that ends while its request arrives adds none", async () => {
  await using bench = await openBench();
  await bench.addPerson("anna");
  await bench.signIn("anna");
  const key = await Authenticator.at(bench.url);
  const { body: { options } } = await bench.ask("POST", "/session/passkeys/begin");
  const body = { name: "of a thief", passkey: await key.create(options) };
  const finish = await bench.askLate("/session/passkeys", body);
  bench.cookie = "";
  await bench.signIn("anna");
  const change = { current: PASSPHRASE, new: "another long passphrase" };
  assertEquals((await bench.ask("POST", "/api/me/passphrase", change)).status, 204);
  assertEquals((await finish()).status, 401);
  assertEquals((await bench.ask("GET", "/api/passkeys")).body.data, []);
});

Deno.test("passkeys: with a passkey end the logins of commands that were confirmed by one", async () => {
  await using devices = await DeviceBench.start();
  const { proxy } = devices;
  await using bench = SignInBench.at(proxy, devices.clock);
  bench.url = proxy.url.replace("127.0.0.1", "localhost");
  const key = await personWithPasskey(bench, "anna");
  const byPassphrase = bench.cookie;
  const browser: Browser = async (method, path, body) => ({
    ...await bench.ask(method, path, body),
    headers: new Headers(),
  });
  const kept = await devices.login(browser);
  await signIn(bench, key);
  const made = await devices.login(browser);
  const { body: { device_code, user_code } } = await devices.begin();
  await devices.confirm(browser, user_code);
  bench.cookie = byPassphrase;
  const { body: { data: [{ id }] } } = await bench.ask("GET", "/api/passkeys");
  assertEquals((await bench.ask("DELETE", `/api/passkeys/${id}`)).status, 204);
  assertEquals((await devices.ask(made.access_token, "GET", "/me")).status, 401);
  assertEquals((await devices.poll(device_code)).body.error, "access_denied");
  assertEquals((await devices.ask(kept.access_token, "GET", "/me")).status, 200, "by the passphrase");
});
