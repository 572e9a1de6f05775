import { lanAddresses } from "../../config/server_urls.ts";
import type { Config } from "../../config/config.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("certificates");

/** The server's certificate, and those that backends are trusted by. */
export async function checkCertificates({ server, endpoints }: Config, epochMs: number): Promise<Finding[]> {
  const caCerts = endpoints.flatMap(({ backends }) =>
    backends.flatMap(({ connection }) => connection.caCerts ?? [])
  );
  if (server.tls === undefined && caCerts.length === 0) {
    return [ok("there is none: the proxy speaks plain HTTP, which others on the network can read")];
  }
  const { examineAuthorities, examineCertificate } = await import("../../tls/examine.ts");
  const isEverywhere = server.host === "0.0.0.0" || server.host === "::";
  const hosts = [...server.allowedHosts, ...(isEverywhere ? lanAddresses() : [server.host])];
  const found = [
    ...(server.tls === undefined ? [] : await examineCertificate(server.tls, { hosts, epochMs })),
    ...[...new Set(caCerts)].flatMap((pem) => examineAuthorities(pem, epochMs)),
  ];
  const make = { ok, warning, problem };
  return found.map(({ status, text, advice }) => make[status](text, advice));
}
