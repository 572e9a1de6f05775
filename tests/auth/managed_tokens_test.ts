import { assert, assertEquals } from "@std/assert";
import { keyContext, ManagedTokens } from "../../src/auth/managed_tokens.ts";
import { createTokenValue, hashOf, isTokenValue } from "../../src/auth/token_value.ts";
import { SecretBox } from "../../src/storage/secret_box.ts";
import type { AccessChanges, Project, Token } from "../../src/storage/access_store.ts";
import { nextTurn } from "../../src/streams/turn.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { projectRow, tokenRow } from "../support/data/rows.ts";

class TokensBench {
  readonly clock = new FakeClock();
  readonly unreadable: string[] = [];
  projects: Project[] = [projectRow("p1")];
  rows: Token[] = [];
  /** The result of the next read of changes. `undefined` if the store no longer has the changes. */
  changes: Partial<AccessChanges> | undefined;
  reads = 0;
  changed = false;
  asked = 0;

  async open(key = new Uint8Array(32)): Promise<ManagedTokens> {
    const tokens = new ManagedTokens({
      readAccess: async () => {
        this.reads++;
        await Promise.resolve();
        return { projects: this.projects, tokens: this.rows, position: 1 };
      },
      readAccessChanges: async () => {
        await Promise.resolve();
        const none = { projects: [], tokens: [], deletedProjects: [], deletedTokens: [], position: 1 };
        return this.changes && { ...none, ...this.changes };
      },
      hasAccessChanged: () => {
        this.asked++;
        return this.changed;
      },
    }, {
      box: await SecretBox.of(key),
      clock: this.clock,
      onUnreadable: (what) => this.unreadable.push(what),
    });
    await tokens.refresh();
    return tokens;
  }
}

function verdict(tokens: ManagedTokens, value: string): string {
  const recognised = tokens.check(value);
  if (recognised === undefined) return "unknown";
  return "rejected" in recognised ? recognised.rejected : recognised.principal.name;
}

Deno.test("ManagedTokens: a token is valid until the moment it expires", async () => {
  const bench = new TokensBench();
  const value = createTokenValue();
  bench.rows = [tokenRow("t1", "p1", { value, name: "anna", expiresAt: FakeClock.START + 1_000 })];
  const tokens = await bench.open();
  bench.clock.pass(999);
  assertEquals(verdict(tokens, value), "anna");
  bench.clock.pass(1);
  assertEquals(verdict(tokens, value), "token_expired");
});

Deno.test("ManagedTokens: the value before a rotation is valid until the overlap ends, the new value longer", async () => {
  const bench = new TokensBench();
  const [value, before] = [createTokenValue(), createTokenValue()];
  const { hash } = tokenRow("x", "p1", { value: before });
  const previous = { hash, expiresAt: FakeClock.START + 60_000 };
  bench.rows = [tokenRow("t1", "p1", { value, name: "anna", previous })];
  const tokens = await bench.open();
  assertEquals([verdict(tokens, before), verdict(tokens, value)], ["anna", "anna"]);
  bench.clock.pass(60_000);
  assertEquals([verdict(tokens, before), verdict(tokens, value)], ["token_revoked", "anna"]);
});

Deno.test("ManagedTokens: each refresh checks values again that were valid before", async () => {
  const bench = new TokensBench();
  const value = createTokenValue();
  const token = tokenRow("t1", "p1", { value, name: "anna" });
  bench.rows = [token];
  const tokens = await bench.open();
  assertEquals(verdict(tokens, value), "anna");
  for (
    const [row, project, expected] of [
      [{ ...token, active: false }, projectRow("p1"), "token_revoked"],
      [{ ...token, revokedAt: 1 }, projectRow("p1"), "token_revoked"],
      [token, projectRow("p1", { active: false }), "token_revoked"],
      [{ ...token, name: "ben" }, projectRow("p1"), "ben"],
    ] as const
  ) {
    bench.rows = [row];
    bench.projects = [project];
    await tokens.refresh();
    assertEquals(verdict(tokens, value), expected);
  }
  bench.rows = [];
  await tokens.refresh();
  assertEquals(verdict(tokens, value), "unknown");
});

Deno.test("ManagedTokens: calls during a refresh share one further refresh", async () => {
  const bench = new TokensBench();
  const tokens = await bench.open();
  const before = bench.reads;
  await Promise.all(Array.from({ length: 100 }, () => tokens.refresh()));
  assertEquals(bench.reads - before, 2);
});

Deno.test("ManagedTokens: asks the store for changes once in each turn of the event loop", async () => {
  const bench = new TokensBench();
  const tokens = await bench.open();
  assertEquals([tokens.mayHaveChanged(), tokens.mayHaveChanged()], [false, false]);
  assertEquals(bench.asked, 1);
  bench.changed = true;
  await nextTurn();
  assertEquals([tokens.mayHaveChanged(), bench.asked], [true, 2]);
  bench.changes = {};
  const refresh = tokens.refresh();
  assertEquals(tokens.mayHaveChanged(), true, "while a refresh runs");
  await refresh;
  assertEquals([tokens.mayHaveChanged(), bench.asked], [false, 2]);
  await nextTurn();
});

Deno.test("ManagedTokens: a refresh applies the changes, and reads everything only where changes are missing", async () => {
  const bench = new TokensBench();
  const [first, second, third] = [createTokenValue(), createTokenValue(), createTokenValue()];
  const token = tokenRow("t1", "p1", { value: first, name: "anna" });
  const other = tokenRow("t2", "p2", { value: second, name: "ben" });
  bench.projects = [projectRow("p1"), projectRow("p2")];
  bench.rows = [token, other];
  const tokens = await bench.open();
  const verdicts = () => [first, second, third].map((value) => verdict(tokens, value));
  const apply = async (changes: Partial<AccessChanges>) => {
    verdicts();
    bench.changes = changes;
    await tokens.refresh();
    return verdicts();
  };
  assertEquals(verdicts(), ["anna", "ben", "unknown"]);
  const rotated = {
    ...token,
    hash: hashOf(third),
    previous: { hash: token.hash, expiresAt: FakeClock.START + 5 },
  };
  assertEquals(await apply({ tokens: [rotated] }), ["anna", "ben", "anna"]);
  assertEquals(await apply({ tokens: [{ ...rotated, previous: undefined }] }), ["unknown", "ben", "anna"]);
  assertEquals(await apply({ tokens: [{ ...other, revokedAt: 1 }] }), ["unknown", "token_revoked", "anna"]);
  const inactive = projectRow("p1", { active: false });
  assertEquals(await apply({ projects: [inactive] }), ["unknown", "token_revoked", "token_revoked"]);
  assertEquals(await apply({ deletedTokens: ["t2"], projects: [projectRow("p1")] }), [
    "unknown",
    "unknown",
    "anna",
  ]);
  assertEquals(await apply({ deletedProjects: ["p1"] }), ["unknown", "unknown", "unknown"]);
  assertEquals(bench.reads, 1);
  bench.changes = undefined;
  await tokens.refresh();
  assertEquals([verdicts(), bench.reads], [["anna", "ben", "unknown"], 2]);
});

Deno.test("ManagedTokens: a value can move from one token to another within one refresh", async () => {
  const bench = new TokensBench();
  const [value, next] = [createTokenValue(), createTokenValue()];
  const token = tokenRow("t1", "p1", { value, name: "anna" });
  bench.rows = [token];
  const tokens = await bench.open();
  const heir = tokenRow("t2", "p1", { value, name: "ben" });
  bench.changes = { tokens: [heir, { ...token, hash: hashOf(next) }] };
  await tokens.refresh();
  assertEquals([verdict(tokens, value), verdict(tokens, next)], ["ben", "anna"]);
});

Deno.test("ManagedTokens: a principal changes with the rules of its project, and only then", async () => {
  const bench = new TokensBench();
  const value = createTokenValue();
  bench.rows = [tokenRow("t1", "p1", { value })];
  const tokens = await bench.open();
  const principal = () => {
    const result = tokens.check(value);
    assert(result !== undefined && "principal" in result);
    return result.principal;
  };
  const before = principal();
  bench.changes = { tokens: [tokenRow("t2", "p1")] };
  await tokens.refresh();
  assert(principal() === before, "the same object");
  bench.changes = { projects: [projectRow("p1", { rules: { maxRequests: 3 } })] };
  await tokens.refresh();
  assertEquals(principal().subjects[1]?.rules, { maxRequests: 3 });
});

Deno.test("ManagedTokens: provider keys are opened; a key sealed with another encryption key is null and reported", async () => {
  const bench = new TokensBench();
  const value = createTokenValue();
  bench.rows = [tokenRow("t1", "p1", { value })];
  const seal = async (fill: number, endpoint: string) => ({
    endpoint,
    sealed: await (await SecretBox.of(new Uint8Array(32).fill(fill))).seal(
      "secret-key",
      keyContext("p1", endpoint),
    ),
    suffix: "",
  });
  bench.projects = [projectRow("p1", { keys: [await seal(0, "openai"), await seal(1, "anthropic")] })];
  const tokens = await bench.open();
  const recognised = tokens.check(value);
  assert(recognised !== undefined && "principal" in recognised);
  assertEquals([...recognised.principal.keys], [["openai", "secret-key"], ["anthropic", null]]);
  const { secrets } = tokens;
  assertEquals([secrets, bench.unreadable.length], [["secret-key"], 1]);
  bench.changes = { tokens: [tokenRow("t2", "p1")], projects: [projectRow("p2")] };
  await tokens.refresh();
  assert(tokens.secrets === secrets, "no key has changed");
  bench.changes = { projects: [projectRow("p1")] };
  await tokens.refresh();
  assertEquals(tokens.secrets, []);
});

Deno.test("createTokenValue: 54 characters, random each time; each typing error is detected", () => {
  const value = createTokenValue();
  assert(/^llmp_[0-9A-Za-z]{49}$/.test(value), value);
  assert(isTokenValue(value) && createTokenValue() !== value);
  for (let at = 0; at < value.length; at++) {
    const slip = `${value.slice(0, at)}${value[at] === "x" ? "y" : "x"}${value.slice(at + 1)}`;
    assertEquals(isTokenValue(slip), false, `at ${at}`);
    assertEquals(isTokenValue(value.slice(0, at) + value.slice(at + 1)), false);
  }
});
