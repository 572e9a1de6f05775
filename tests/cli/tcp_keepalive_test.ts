import { assertEquals, assertStringIncludes } from "@std/assert";
import { sysctlNumber } from "../../src/cli/sysctl_files.ts";
import { keepaliveWarnings } from "../../src/cli/tcp_keepalive.ts";
import type { Endpoint, TimeoutLimits } from "../../src/config/config.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";

const MINUTE = 60_000;

function endpoint(
  name: string,
  { origin = "https://api.test.example", timeouts = {}, ...more }: Partial<Endpoint> & {
    origin?: string;
    timeouts?: Partial<TimeoutLimits>;
  } = {},
): Endpoint {
  const backend = testBackend(origin);
  return testEndpoint(name, [{ ...backend, timeouts: { ...backend.timeouts, ...timeouts } }], more);
}

const LONG = { firstByteMs: 20 * MINUTE, idleMs: 20 * MINUTE };
const RISKY = endpoint("risky", { timeouts: LONG });

Deno.test("keepaliveWarnings: names the endpoints, the figures and the settings", () => {
  const [warning = "", ...others] = keepaliveWarnings({
    endpoints: [RISKY, endpoint("other", { timeouts: LONG })],
  }, 7_200_000);
  assertEquals(others, []);
  for (const part of ["risky, other", "silent for 4m", "after 2h", "keepalive_comments"]) {
    assertStringIncludes(warning, part);
  }
  const [unknown = ""] = keepaliveWarnings({ endpoints: [RISKY] }, undefined);
  assertStringIncludes(unknown, "default of the system (usually 2h)");
});

for (
  const [what, one, keepaliveMs] of [
    ["the system begins keepalive early", RISKY, MINUTE],
    ["the timeouts are the default ones", endpoint("a"), undefined],
    ["comments come early", endpoint("a", { keepaliveMs: 15_000, timeouts: LONG }), undefined],
    [
      "both timeouts are short",
      endpoint("a", { timeouts: { firstByteMs: MINUTE, idleMs: 4 * MINUTE } }),
      undefined,
    ],
    ["the total is short", endpoint("a", { timeouts: { ...LONG, totalMs: MINUTE } }), undefined],
    [
      "the upstream is in this network",
      endpoint("a", { origin: "http://192.168.1.20:11434", timeouts: LONG }),
      undefined,
    ],
    [
      "the upstream is this machine",
      endpoint("a", { origin: "http://localhost:11434", timeouts: LONG }),
      undefined,
    ],
  ] as const
) {
  Deno.test(`keepaliveWarnings: nothing where ${what}`, () => {
    assertEquals(keepaliveWarnings({ endpoints: [one] }, keepaliveMs), []);
  });
}

for (
  const [what, one] of [
    ["comments come late", endpoint("a", { keepaliveMs: 5 * MINUTE, timeouts: LONG })],
    ["the idle timeout is long", endpoint("a", { timeouts: { ...LONG, firstByteMs: MINUTE } })],
    ["the first byte may come late", endpoint("a", { timeouts: { ...LONG, idleMs: MINUTE } })],
  ] as const
) {
  Deno.test(`keepaliveWarnings: a warning where ${what}`, () => {
    assertEquals(keepaliveWarnings({ endpoints: [one] }, 4 * MINUTE).length, 1);
  });
}

Deno.test("sysctlNumber: the last file by name wins, and files hide those of later folders", async () => {
  const root = await Deno.makeTempDir();
  const folders = [`${root}/etc`, `${root}/usr`];
  const lastFile = `${root}/sysctl.conf`;
  const name = "net.ipv4.tcp_keepalive_time";
  const read = () => sysctlNumber(name, { folders, lastFile });
  assertEquals(await read(), undefined);
  for (const folder of folders) await Deno.mkdir(folder);
  await Deno.writeTextFile(`${root}/usr/10-a.conf`, `# ${name} = 1\n${name}=300\n${name}s = 5\n`);
  assertEquals(await read(), 300);
  await Deno.writeTextFile(`${root}/etc/20-b.conf`, "-net/ipv4/tcp_keepalive_time = 120\r\n");
  await Deno.writeTextFile(`${root}/etc/90-c.txt`, `${name} = 7\n`);
  assertEquals(await read(), 120);
  await Deno.writeTextFile(`${root}/usr/20-b.conf`, `${name} = 8\n`);
  assertEquals(await read(), 120);
  await Deno.writeTextFile(lastFile, `other = 1\n  ${name} =  60  \n${name} = many\n`);
  assertEquals(await read(), 60);
  await Deno.remove(root, { recursive: true });
});
