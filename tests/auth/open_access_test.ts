import { assert, assertEquals } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import { openAccessCheck } from "../../src/auth/open_access.ts";
import { fieldsOf } from "../support/data/fields.ts";

const check = openAccessCheck({
  corsOrigins: ["https://chat.test", "app://obsidian.md"],
  allowedHosts: ["llm.example.com"],
  ownHostname: "Nas.Example.NET",
});

/** Why a request with this head is rejected. `undefined` if it passes. */
function refusal(...lines: (string | undefined)[]): "page" | "host" | undefined {
  try {
    check(fieldsOf(...lines.filter((line) => line !== undefined)));
    return undefined;
  } catch (error) {
    assert(error instanceof ProxyFault && error.code === "forbidden");
    if (error.message.includes("cors_origins (CORS_ORIGINS)")) return "page";
    assert(error.message.includes("allowed_hosts (ALLOWED_HOSTS)"), error.message);
    return "host";
  }
}

const LOCAL_HOSTS = [
  "127.0.0.1:33000",
  "192.168.1.20",
  "8.8.8.8:1",
  "[::1]:33000",
  "[fd00::1]",
  "localhost",
  "LOCALHOST:33000",
  "localhost.",
  "proxy.localhost:33000",
  "nas",
  "llm_proxy:33000",
  "nas.local",
  "nas.local.:33000",
  "a.b.lan",
  "nas.home.arpa",
  "llm.internal:443",
  "llm.example.com:33000",
  "LLM.example.com.",
  "nas.example.net:33000",
];
const FOREIGN_HOSTS = [
  "evil.test",
  "evil.test:33000",
  "192.168.1.20.nip.io",
  "127.0.0.1.evil.test:33000",
  "localhost.evil.test",
  "local.test",
  "evil.test.",
  "xlocal.test",
  "evil.notlan",
  "evil.notlocal",
  "example.com",
  "x.llm.example.com",
  "evil.com%2elocal",
  "evil.test,nas.local",
  "127.1.evil",
  "[evil.test]",
  ".local",
  "..local",
  ":33000",
  "",
  ".",
];

for (const host of LOCAL_HOSTS) {
  Deno.test(`openAccessCheck: Host ${host} passes`, () => assertEquals(refusal(`Host: ${host}`), undefined));
}
for (const host of FOREIGN_HOSTS) {
  Deno.test(`openAccessCheck: Host ${JSON.stringify(host)} could be registered and is rejected`, () => {
    assertEquals(refusal(`Host: ${host}`), "host");
    // For the browser, a page with DNS rebinding is a page of the proxy.
    if (URL.canParse(`http://${host}`) && new URL(`http://${host}`).origin === `http://${host}`) {
      assertEquals(refusal(`Host: ${host}`, `Origin: http://${host}`, "Sec-Fetch-Site: same-origin"), "host");
    }
    assertEquals(refusal(`Host: ${host}`, "Origin: https://chat.test"), "host");
  });
}

Deno.test("openAccessCheck: a program without Host passes, a page without it does not", () => {
  assertEquals([refusal(), refusal("Origin: http://nas.local")], [undefined, "page"]);
});

const HOST = "nas.local:33000";
const ORIGINS: readonly (readonly [origin: string | undefined, kind: "own" | "listed" | "other"])[] = [
  [undefined, "own"],
  ["http://nas.local:33000", "own"],
  ["https://nas.local:33000", "own"],
  ["https://chat.test", "listed"],
  ["app://obsidian.md", "listed"],
  ["http://nas.local", "other"],
  ["http://nas.local:3000", "other"],
  ["http://evil.test", "other"],
  ["https://chat.test:444", "other"],
  ["http://chat.test", "other"],
  ["null", "other"],
  ["app://evil.md", "other"],
  ["file://", "other"],
  ["chrome-extension://abc", "other"],
  ["nas.local:33000", "other"],
  ["http://nas.local:33000/", "other"],
  ["http://nas.local:33000, http://evil.test", "other"],
  ["http://evil.test@nas.local:33000", "other"],
  ["", "other"],
];
const SITES: readonly (readonly [site: string | undefined, isOwn: boolean])[] = [
  [undefined, true],
  ["same-origin", true],
  ["none", true],
  ["same-site", false],
  ["cross-site", false],
  ["same-origin, cross-site", false],
  ["Same-Origin", false],
  ["", false],
];
for (const [origin, kind] of ORIGINS) {
  for (const [site, isOwnSite] of SITES) {
    const passes = kind === "listed" || kind === "own" && isOwnSite;
    Deno.test(`openAccessCheck: Origin ${origin}, Sec-Fetch-Site ${site}: ${passes ? "passes" : "is rejected"}`, () => {
      const found = refusal(
        `Host: ${HOST}`,
        origin === undefined ? undefined : `Origin: ${origin}`,
        site === undefined ? undefined : `Sec-Fetch-Site: ${site}`,
      );
      assertEquals(found, passes ? undefined : "page");
    });
  }
}

Deno.test("openAccessCheck: either side may leave out the default port", () => {
  assertEquals(refusal("Host: nas.local:80", "Origin: http://nas.local"), undefined);
  assertEquals(refusal("Host: nas.local", "Origin: https://nas.local"), undefined);
  assertEquals(refusal("Host: [FD00::1]:443", "Origin: https://[fd00::1]"), undefined);
  assertEquals(refusal("Host: nas.local:80", "Origin: https://nas.local"), "page");
});
