/** Upstreams that no connection can be had to: names, ports and TLS. */

import { DIRECT } from "../../../src/config/values/defaults.ts";
import type { ConnectionSettings } from "../../../src/config/config.ts";
import { assertFault, type Promised, type UpstreamFault } from "../../support/proxies/fault_bench.ts";
import { freePort } from "../../support/processes/port.ts";
import { pem, TRUSTING } from "../../support/upstreams/tls_upstream.ts";

/** Enough for a name and a TCP connection on a busy machine. */
const LIMIT_MS = 1_000;
const TRUSTING_ANOTHER: ConnectionSettings = {
  ...DIRECT,
  key: "another test CA",
  caCerts: [pem("other_ca.pem")],
};
const LOCALHOST = { cert: pem("cert.pem"), key: pem("key.pem") };
const overTls = (origin: string) => origin.replace("http:", "https:");

/** All of these are before a byte of the request: another backend may be asked. */
const noAnswer = (says: RegExp): Promised => ({
  is: "fault",
  code: "bad_gateway",
  another: true,
  says: new RegExp(`^No response from [^ ]+: .*${says.source}`),
});

const answers: UpstreamFault["script"] = (type) => async (connection) => {
  await connection.request();
  await connection.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: 2\r\n\r\nok`);
};

const UNREACHABLE: readonly UpstreamFault[] = [
  {
    name: "nobody listens on its port",
    script: answers,
    origin: () => freeOrigin(),
    promised: noAnswer(/it refused the connection\.$/),
  },
  {
    name: "its name does not resolve",
    script: answers,
    origin: () => "http://upstream.invalid",
    promised: noAnswer(/its name could not be resolved\.$/),
  },
  {
    name: "its name does not resolve, over TLS",
    script: answers,
    origin: () => "https://upstream.invalid",
    promised: noAnswer(/its name could not be resolved\.$/),
  },
  {
    name: "its certificate is for another name",
    script: answers,
    tls: LOCALHOST,
    origin: (listening) => listening.replace("localhost", "127.0.0.1"),
    connection: TRUSTING,
    promised: noAnswer(/its certificate is not valid \(.*127\.0\.0\.1|NotValidForName/),
  },
  {
    name: "its certificate is by a CA that nobody knows",
    authorityIsUnknown: true,
    script: answers,
    tls: LOCALHOST,
    promised: noAnswer(/its certificate is not valid \(UnknownIssuer\)\.$/),
  },
  {
    name: "its certificate is by another CA than the one that is trusted",
    authorityIsUnknown: true,
    script: answers,
    tls: LOCALHOST,
    connection: TRUSTING_ANOTHER,
    promised: noAnswer(/its certificate is not valid \(/),
  },
  {
    name: "its certificate is signed by itself",
    authorityIsUnknown: true,
    script: answers,
    tls: { cert: pem("self_signed.pem"), key: pem("other_key.pem") },
    connection: TRUSTING,
    promised: noAnswer(/its certificate is not valid \(/),
  },
  {
    name: "its certificate has expired",
    script: answers,
    tls: { cert: pem("expired.pem"), key: pem("other_key.pem") },
    connection: TRUSTING_ANOTHER,
    promised: noAnswer(/its certificate is not valid \(.*[Ee]xpired/),
  },
  {
    name: "it speaks plain HTTP on its TLS port",
    script: () => async (connection) => {
      await connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    },
    origin: overTls,
    connection: TRUSTING,
    promised: noAnswer(/TLS could not be set up: it does not speak TLS\.$/),
  },
  {
    name: "it closes within the handshake",
    script: () => (connection) => connection.closeWrite(),
    origin: overTls,
    connection: TRUSTING,
    promised: noAnswer(/TLS could not be set up: (?:it ended the connection|the handshake failed)\.$/),
  },
  {
    name: "it resets within the handshake",
    script: () => (connection) => connection.reset(),
    origin: overTls,
    connection: TRUSTING,
    promised: noAnswer(/TLS could not be set up: (?:it ended the connection|the handshake failed)\.$/),
  },
  {
    name: "it never answers the handshake",
    script: () => () => {},
    origin: overTls,
    connection: TRUSTING,
    timeouts: { connectMs: LIMIT_MS },
    staysOpen: true,
    promised: {
      is: "fault",
      code: "upstream_timeout",
      another: true,
      says: / did not answer in time: connect_timeout \(1s\) passed during the TLS handshake\.$/,
    },
  },
  {
    name: "it falls silent within the handshake",
    // The first half of a record: a handshake message of 64 bytes that never comes.
    script: () => (connection) => connection.write(Uint8Array.of(0x16, 3, 3, 0, 64, 2)),
    origin: overTls,
    connection: TRUSTING,
    timeouts: { connectMs: LIMIT_MS },
    staysOpen: true,
    promised: {
      is: "fault",
      code: "upstream_timeout",
      another: true,
      says: / did not answer in time: connect_timeout \(1s\) passed during the TLS handshake\.$/,
    },
  },
];

for (const fault of UNREACHABLE) {
  Deno.test(`an upstream that cannot be reached: ${fault.name}`, () => assertFault(fault));
}

/** TLS that breaks later breaks like any other connection. */
const BREAKS: readonly UpstreamFault[] = [
  {
    name: "ends after its headers",
    script: (type) => async (connection) => {
      await connection.request();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: 10\r\n\r\nhalf`);
      connection.close();
    },
    promised: { is: "cut", code: "bad_gateway", after: "half" },
  },
  {
    name: "ends within its headers",
    script: () => async (connection) => {
      await connection.request();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Le");
      connection.close();
    },
    promised: { is: "fault", code: "bad_gateway", another: false, says: /within its response\.$/ },
  },
  {
    name: "ends an answer without a length has ended it",
    script: (type) => async (connection) => {
      await connection.request();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n\r\nall of it`);
      connection.close();
    },
    promised: { is: "whole", text: "all of it" },
  },
];

for (const fault of BREAKS) {
  Deno.test(`an upstream over TLS that ${fault.name}`, () =>
    assertFault({ ...fault, tls: LOCALHOST, connection: TRUSTING }));
}

/** Where nobody listens any more. */
function freeOrigin(): string {
  return `http://127.0.0.1:${freePort()}`;
}
