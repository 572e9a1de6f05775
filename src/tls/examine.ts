/** Examines the certificate of the server for `llm-proxy doctor`. */

import type { TlsConfig } from "../config/config.ts";
import { constraintWarning, pairWarning } from "./certificate_warnings.ts";
import { X509Certificate } from "node:crypto";

/** One result of the examination. */
export interface CertificateFinding {
  readonly status: "ok" | "warning" | "problem";
  /** A sentence without its full stop. */
  readonly text: string;
  /** What the user can do about it. */
  readonly advice?: string;
}

const SOON_MS = 30 * 24 * 3_600_000;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const RENEW = "llm-proxy tls renew issues a new one, if llm-proxy tls init made the present one";

/**
 * Examines a certificate chain and its key. `hosts` are the names and IP addresses that clients connect to.
 */
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
      advice: "use a chain in PEM format with the certificate of the server first",
    }];
  }
  const pair = await pairWarning(tls);
  const constraint = await constraintWarning(tls.cert);
  return [
    ...chain.map((one, index) => checkValidity(one, { isServer: index === 0, epochMs })),
    ...(pair === undefined ? [] : [
      {
        status: "problem",
        text: pair,
        advice: "use the key that was made with the certificate",
      } as const,
    ]),
    ...(constraint === undefined ? [] : [{ status: "warning", text: constraint } as const]),
    checkHosts(first, hosts),
    checkChain(chain),
  ];
}

/** Warnings and problems of the certificates in the `ca_file` of a backend. */
export function examineAuthorities(pem: string, epochMs: number): CertificateFinding[] {
  return parsedChain(pem).map((one) => checkValidity(one, { isServer: false, epochMs }))
    .filter(({ status }) => status !== "ok");
}

function parsedChain(pem: string): X509Certificate[] {
  try {
    return (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
  } catch {
    return [];
  }
}

function checkValidity(
  certificate: X509Certificate,
  { isServer, epochMs }: { isServer: boolean; epochMs: number },
): CertificateFinding {
  const which = isServer ? "the certificate" : `the certificate of the CA ${commonName(certificate.subject)}`;
  const from = Date.parse(certificate.validFrom);
  const until = Date.parse(certificate.validTo);
  if (until < epochMs) {
    return {
      status: "problem",
      text: `${which} expired on ${day(until)}: clients reject it`,
      advice: isServer ? RENEW : "llm-proxy tls renew --authority renews it, or get a new chain",
    };
  }
  if (from > epochMs) {
    return {
      status: "problem",
      text: `${which} is valid from ${day(from)}: clients reject it`,
      advice: "set this machine's clock, or use a certificate that is valid now",
    };
  }
  return until < epochMs + SOON_MS
    ? { status: "warning", text: `${which} expires on ${day(until)}`, advice: RENEW }
    : { status: "ok", text: `${which} is valid until ${day(until)}` };
}

function checkHosts(certificate: X509Certificate, hosts: readonly string[]): CertificateFinding {
  const isValidFor = (host: string): boolean =>
    (isAddress(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined;
  const missing = hosts.filter((host) => !isValidFor(host));
  if (missing.length === 0) {
    return { status: "ok", text: `it is valid for ${hosts.join(", ") || "no name"}` };
  }
  return {
    status: "warning",
    text: `it is not valid for ${missing.join(", ")}: clients that connect to that name or address reject it`,
    advice: `llm-proxy tls renew ${
      missing.map((host) => `--name ${host}`).join(" ")
    }, or let clients connect to ${namesOf(certificate)}`,
  };
}

/** Checks that each certificate of the chain is signed by the next one. */
function checkChain(chain: readonly X509Certificate[]): CertificateFinding {
  const broken = chain.findIndex((one, index) => {
    const next = chain[index + 1];
    return next !== undefined && !(one.issuer === next.subject && one.verify(next.publicKey));
  });
  if (broken !== -1) {
    return {
      status: "problem",
      text: `the chain is broken: its certificate ${broken + 1} is not signed by the next one`,
      advice: "put the certificate of the server first, then the certificate that signed it, and so on",
    };
  }
  const last = chain.at(-1);
  if (last !== undefined && last.subject === last.issuer) {
    return {
      status: "ok",
      text: `its CA is ${
        commonName(last.subject)
      }, which each client has to trust: llm-proxy connect says how`,
    };
  }
  return { status: "ok", text: `its CA is ${commonName(last?.issuer ?? "")}` };
}

/** The names and addresses of a certificate, separated by commas. */
function namesOf({ subjectAltName = "" }: X509Certificate): string {
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
