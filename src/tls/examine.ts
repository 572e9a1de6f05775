/** What there is to say about a server's certificate, good or bad. */

import type { TlsConfig } from "../config/config.ts";
import { constraintWarning, pairWarning } from "./certificate_warnings.ts";
import { X509Certificate } from "node:crypto";

/** One thing that was found. */
export interface CertificateFinding {
  readonly status: "ok" | "warning" | "problem";
  /** A sentence without its full stop. */
  readonly text: string;
  readonly advice?: string;
}

const SOON_MS = 30 * 24 * 3_600_000;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const RENEW = "llm-proxy tls renew makes the next one, where llm-proxy tls init made it";

/** Looks at a certificate chain and its key. `hosts` are the names and addresses by which clients may ask. */
export async function examineCertificate(
  tls: TlsConfig,
  { hosts, epochMs }: { hosts: readonly string[]; epochMs: number },
): Promise<CertificateFinding[]> {
  const chain = parsedChain(tls.cert);
  const [first] = chain;
  if (first === undefined) {
    return [{
      status: "problem",
      text: "the certificate cannot be read",
      advice: "name a chain in PEM form, the server's certificate first",
    }];
  }
  const pair = await pairWarning(tls);
  const constraint = await constraintWarning(tls.cert);
  return [
    ...chain.map((one, index) => validity(one, { isServers: index === 0, epochMs })),
    ...(pair === undefined ? [] : [
      {
        status: "problem",
        text: pair,
        advice: "put back the key that was made with the certificate",
      } as const,
    ]),
    ...(constraint === undefined ? [] : [{ status: "warning", text: constraint } as const]),
    ...names(first, hosts),
    authority(chain),
  ];
}

/** What there is to say about certificates that a backend's `ca_file` holds. */
export function examineAuthorities(pem: string, epochMs: number): CertificateFinding[] {
  return parsedChain(pem).map((one) => validity(one, { isServers: false, epochMs }))
    .filter(({ status }) => status !== "ok");
}

function parsedChain(pem: string): X509Certificate[] {
  try {
    return (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
  } catch {
    return [];
  }
}

function validity(
  certificate: X509Certificate,
  { isServers, epochMs }: { isServers: boolean; epochMs: number },
): CertificateFinding {
  const which = isServers
    ? "the certificate"
    : `the certificate of the authority ${commonName(certificate.subject)}`;
  const from = Date.parse(certificate.validFrom);
  const until = Date.parse(certificate.validTo);
  if (until < epochMs) {
    return {
      status: "problem",
      text: `${which} was valid until ${day(until)}: clients refuse it`,
      advice: isServers ? RENEW : "llm-proxy tls renew --authority makes it again, or get a new chain",
    };
  }
  if (from > epochMs) {
    return {
      status: "problem",
      text: `${which} is valid from ${day(from)} on: clients refuse it`,
      advice: "set this machine's clock, or use a certificate that is valid now",
    };
  }
  return until < epochMs + SOON_MS
    ? { status: "warning", text: `${which} is valid until ${day(until)} only`, advice: RENEW }
    : { status: "ok", text: `${which} is valid until ${day(until)}` };
}

function names(certificate: X509Certificate, hosts: readonly string[]): CertificateFinding[] {
  const isMadeFor = (host: string): boolean =>
    (isAddress(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined;
  const missing = hosts.filter((host) => !isMadeFor(host));
  if (missing.length === 0) {
    return [{ status: "ok", text: `it is made for ${hosts.join(", ") || "no name"}` }];
  }
  return [{
    status: "warning",
    text: `it is not made for ${missing.join(", ")}: clients that ask by that refuse it`,
    advice: `llm-proxy tls renew ${
      missing.map((host) => `--name ${host}`).join(" ")
    }, or let clients ask by ${madeFor(certificate)}`,
  }];
}

/** Each certificate has to be signed by the next one of the chain. */
function authority(chain: readonly X509Certificate[]): CertificateFinding {
  const broken = chain.findIndex((one, index) => {
    const next = chain[index + 1];
    return next !== undefined && !(one.issuer === next.subject && one.verify(next.publicKey));
  });
  if (broken !== -1) {
    return {
      status: "problem",
      text: `the chain is broken: its certificate ${broken + 1} is not signed by the next one`,
      advice: "put the server's certificate first, then the one that signed it, and so on",
    };
  }
  const last = chain.at(-1);
  if (last !== undefined && last.subject === last.issuer) {
    return {
      status: "ok",
      text: `its authority is ${
        commonName(last.subject)
      }, which each client has to trust: llm-proxy connect says how`,
    };
  }
  return { status: "ok", text: `its authority is ${commonName(last?.issuer ?? "")}` };
}

function madeFor({ subjectAltName = "" }: X509Certificate): string {
  return subjectAltName.replace(/(?:DNS|IP Address):/g, "");
}

function commonName(distinguished: string): string {
  return /CN=([^\n]+)/.exec(distinguished)?.[1] ?? distinguished.replaceAll("\n", ", ");
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^\d+(?:\.\d+){3}$/.test(host);
}

function day(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10);
}
