import { assertEquals } from "@std/assert";
import { ClientAccess } from "../../src/auth/client_access.ts";
import { FailureGate } from "../../src/auth/failure_gate.ts";
import { isSameOrigin, type Scheme } from "../../src/auth/page_origin.ts";
import { systemClock } from "../../src/time/clock.ts";
import { fieldsOf } from "../support/data/fields.ts";

Deno.test("isSameOrigin: host and port are compared, and the scheme where it is known", () => {
  const cases: [origin: string, host: string, scheme: Scheme | undefined, expected: boolean][] = [
    ["http://nas:33000", "nas:33000", undefined, true],
    ["https://nas:33000", "nas:33000", undefined, true],
    ["http://nas", "nas:80", undefined, true],
    ["https://nas", "NAS:443", undefined, true],
    ["https://nas", "nas", "https", true],
    ["https://nas", "nas:443", "https", true],
    ["http://nas", "nas", "http", true],
    // The page of another scheme, at the default port of its scheme and at the same port.
    ["http://nas", "nas", "https", false],
    ["http://nas:33000", "nas:33000", "https", false],
    ["https://nas", "nas", "http", false],
    ["http://nas", "nas:443", undefined, false],
    ["http://nas:33001", "nas:33000", undefined, false],
    ["http://evil", "nas", undefined, false],
    ["null", "nas", undefined, false],
    ["http://nas/", "nas", undefined, false],
    ["http://user@nas", "nas", undefined, false],
    ["ftp://nas", "nas", undefined, false],
    ["http://nas", "na s", undefined, false],
  ];
  for (const [origin, host, scheme, expected] of cases) {
    assertEquals(isSameOrigin(origin, { host, scheme }), expected, `${origin} at ${host}, ${scheme}`);
  }
});

Deno.test("schemeOf: a trusted proxy states the scheme; TLS without one is https, and a plain connection is unknown", () => {
  const access = (trustedProxies: readonly string[]) =>
    new ClientAccess(
      { allowedIps: ["0.0.0.0/0"], trustedProxies, allowedHosts: [], ownHostname: undefined },
      new FailureGate(systemClock),
    );
  const scheme = (
    trustedProxies: readonly string[],
    { isTls = false, peer = "192.0.2.1", proto = [] }: {
      isTls?: boolean;
      peer?: string;
      proto?: readonly string[];
    },
  ) => {
    const fields = fieldsOf(...proto.map((value) => `X-Forwarded-Proto: ${value}`));
    return access(trustedProxies).schemeOf({ peer, fields, isTls });
  };
  assertEquals(scheme([], { isTls: true }), "https");
  assertEquals(scheme([], { isTls: true, proto: ["http"] }), "https", "a client cannot choose");
  assertEquals(scheme([], {}), undefined, "an unlisted proxy may end the encryption");
  assertEquals(scheme([], { proto: ["https"] }), undefined);
  const trusted = ["192.0.2.0/24"];
  assertEquals(scheme(trusted, { proto: ["https"] }), "https");
  assertEquals(scheme(trusted, { proto: ["HTTP"], isTls: true }), "http");
  for (const proto of [[], ["https, http"], ["wss"], [""]]) {
    assertEquals(scheme(trusted, { proto, isTls: true }), undefined, JSON.stringify(proto));
  }
  assertEquals(scheme(trusted, { peer: "198.51.100.1", proto: ["http"], isTls: true }), "https");
});
