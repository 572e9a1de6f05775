/** The check of certificates. */

import { lanAddresses } from "../../config/server_urls.ts";
import type { Config } from "../../config/config.ts";
import { isEveryAddress } from "../../network/listen_everywhere.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("certificates");

/** Checks the certificate of the server and the certificate authorities of backends. */
export async function checkCertificates({ server, endpoints }: Config, epochMs: number): Promise<Finding[]> {
  const caCerts = endpoints.flatMap(({ backends }) =>
    backends.flatMap(({ connection }) => connection.caCerts ?? [])
  );
  if (server.tls === undefined && caCerts.length === 0) {
    return [ok("there is no certificate: the proxy speaks plain HTTP, which others on the network can read")];
  }
  const { examineAuthorities, examineCertificate } = await import("../../tls/examine.ts");
  const hosts = [...server.allowedHosts, ...(isEveryAddress(server.host) ? lanAddresses() : [server.host])];
  const examined = [
    ...(server.tls === undefined ? [] : await examineCertificate(server.tls, { hosts, epochMs })),
    ...[...new Set(caCerts)].flatMap((pem) => examineAuthorities(pem, epochMs)),
  ];
  const findingBy = { ok, warning, problem };
  return examined.map(({ status, text, advice }) => findingBy[status](text, advice));
}
