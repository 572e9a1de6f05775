import { assertEquals, assertNotEquals } from "@std/assert";
import { settingsHash } from "../../src/config/settings_hash.ts";
import { loadConfig } from "../../src/config/load.ts";

const setting = (key: string, shown: string) => ({ key, shown });

Deno.test("settingsHash: depends on keys and values, and not on their order", async () => {
  const hash = await settingsHash([setting("a", "1"), setting("b", "2")]);
  assertEquals(await settingsHash([setting("b", "2"), setting("a", "1")]), hash);
  for (const other of [[setting("a", "1")], [setting("a", "12"), setting("b", "")]]) {
    assertNotEquals(await settingsHash(other), hash);
  }
});

Deno.test("settingsHash: leaves out the addresses and threads of one process", async () => {
  const hash = await settingsHash([setting("a", "1")]);
  for (const name of ["host", "port", "https_port", "admin_port", "workers"]) {
    assertEquals(await settingsHash([setting("a", "1"), setting(`server.${name}`, "1")]), hash);
  }
});

Deno.test("Config.hash: other secrets do not change it, and another setting does", async () => {
  const hashOf = async (variables: Record<string, string>) => {
    const values: Record<string, string> = {
      ENDPOINTS: "openai",
      OPENAI_BASE_URL: "https://api.openai.com/v1",
      OPENAI_API_KEY: "sk-one-key-of-a-provider",
      PROXY_TOKEN: "one-token-of-the-clients",
      MANAGEMENT_TOKEN: "one-token-of-management",
      DATABASE_URL: "postgres://llm@db.lan/llm",
      PGPASSWORD: "one",
      ENCRYPTION_KEY: new Uint8Array(32).fill(1).toBase64(),
      ...variables,
    };
    const { config } = await loadConfig({
      get: (name) => values[name],
      readTextFile: () => {
        throw new Deno.errors.NotFound();
      },
    });
    return config.hash;
  };
  const hash = await hashOf({});
  const others = {
    OPENAI_API_KEY: "sk-another-key-of-a-provider",
    PROXY_TOKEN: "another-token-of-the-clients",
    MANAGEMENT_TOKEN: "another-token-of-management",
    PGPASSWORD: "another",
    ENCRYPTION_KEY: new Uint8Array(32).fill(2).toBase64(),
    DATABASE_URL: "postgres://llm:secret@db.lan/llm",
    LIMITS_URL: "redis://:secret@redis.lan:6379",
  };
  for (const [name, value] of Object.entries(others)) {
    const other = await hashOf({ [name]: value });
    if (name === "DATABASE_URL" || name === "LIMITS_URL") {
      assertEquals(await hashOf({ [name]: value.replace("secret", "other") }), other, name);
    } else assertEquals(other, hash, name);
  }
  assertNotEquals(await hashOf({ ON_DATABASE_LOSS: "refuse" }), hash);
});
