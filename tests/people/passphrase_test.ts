import { assert, assertEquals, assertMatch } from "@std/assert";
import { hashPassphrase, isPassphrase, parseHash } from "../../src/people/passphrase.ts";

const CHEAP = { logN: 4, r: 8, p: 1 };

Deno.test("hashPassphrase: has the costs and a salt of its own beside the hash", async () => {
  const [one, other] = [await hashPassphrase("correct horse"), await hashPassphrase("correct horse", CHEAP)];
  assertMatch(one ?? "", /^scrypt\$17\$8\$1\$[\w+/]{22}==\$[\w+/]{43}=$/);
  assertMatch(other ?? "", /^scrypt\$4\$8\$1\$/);
  assert(await hashPassphrase("correct horse", CHEAP) !== other, "another salt");
  assert(!one?.includes("horse"));
});

Deno.test("isPassphrase: compares by the costs of the hash", async () => {
  const hash = await hashPassphrase("Grüße aus dem Garten", CHEAP);
  assertEquals(await isPassphrase("Grüße aus dem Garten", hash), true);
  assertEquals(await isPassphrase("Gru\u0308ße aus dem Garten", hash), true, "as another keyboard writes it");
  assertEquals(await isPassphrase("Grüße aus dem garten", hash), false);
  assertEquals(await isPassphrase("", hash), false);
});

// `hashlib.scrypt` of Python made it, with the salt 0…15. A hash must outlive a change of the runtime.
Deno.test("isPassphrase: knows a hash of another program", async () => {
  const hash = "scrypt$4$8$1$AAECAwQFBgcICQoLDA0ODw==$coHb6LlzckOeOHbDHR6JGt8ViaJ/p4LgT4TcMJHWRUI=";
  assertEquals(await isPassphrase("correct horse battery", hash), true);
});

Deno.test("isPassphrase: no passphrase has no hash, or a text that is not a hash", async () => {
  const texts = [undefined, "scrypt$21$8$1$"];
  // Together, because each of them takes as long as a real one.
  assertEquals(await Promise.all(texts.map((text) => isPassphrase("x", text))), [false, false]);
});

Deno.test("parseHash: rejects a hash with absurd costs, and other texts", async () => {
  const text = await hashPassphrase("x", CHEAP);
  assertEquals(parseHash(text)?.costs, CHEAP);
  const [, , , , salt, hash] = text.split("$");
  const wrong = [
    "",
    `scrypt$21$8$1$${salt}$${hash}`,
    `scrypt$4$99$1$${salt}$${hash}`,
    `scrypt$0$8$1$${salt}$${hash}`,
    `bcrypt$4$8$1$${salt}$${hash}`,
  ];
  assertEquals(wrong.map(parseHash), wrong.map(() => undefined));
});
