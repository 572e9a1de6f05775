import { assertEquals, assertThrows } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { snapshotSources, sourcesOf } from "../../src/config/sources/snapshot_sources.ts";
import { configSources } from "../support/proxies/config_sources.ts";

const ENV = {
  CONFIG_PATH: "/etc/proxy.toml",
  KEY_OF_CHAT: "sk-a-key-of-a-provider",
  PROXY_TOKEN_FILE: "/run/secrets/token",
  UNRELATED: "is not copied",
};
const FILES = {
  "/etc/proxy.toml":
    '[endpoints.chat]\nbase_url = "https://api.example.com/v1"\napi_key = "${KEY_OF_CHAT}"\n' +
    'prices = { "a-*" = { input = 1, output = 2 } }\n',
  "/run/secrets/token": "a-token-of-the-proxy\n",
};

Deno.test("snapshotSources: another thread loads the same configuration, whatever has changed since", async () => {
  const { sources, snapshot } = snapshotSources(configSources(ENV, FILES));
  const { config } = await loadConfig(sources);
  // A message between threads is a copy.
  const copy = structuredClone(snapshot());
  const loaded = await loadConfig(sourcesOf(copy));
  // Functions and objects of classes cannot be compared by their members.
  assertEquals(JSON.stringify(loaded.config), JSON.stringify(config));
  const [price] = loaded.config.endpoints[0]?.prices ?? [];
  assertEquals([price?.matches("a-1"), price?.matches("b")], [true, false]);
  assertEquals(copy.variables.has("UNRELATED"), false);
});

Deno.test("sourcesOf: a file that could not be read fails in the same way", () => {
  const failing = {
    get: () => undefined,
    readTextFile(path: string): string {
      throw path === "locked" ? new Error("permission denied") : new Deno.errors.NotFound("no such file");
    },
  };
  const { sources, snapshot } = snapshotSources(failing);
  for (const path of ["locked", "missing"]) assertThrows(() => sources.readTextFile(path), Error);
  const copy = sourcesOf(structuredClone(snapshot()));
  assertThrows(() => copy.readTextFile("locked"), Error, "permission denied");
  assertThrows(() => copy.readTextFile("missing"), Deno.errors.NotFound, "no such file");
});
