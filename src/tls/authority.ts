/**
 * Makes a certificate authority (CA) for one network, and certificates signed by it (RFC 5280). Name
 * constraints limit the CA to private domains and to the names that it was made for, so that a stolen CA key
 * cannot sign for other names. IP addresses are not limited: BoringSSL does not support that constraint, and
 * rejects every certificate of such a CA.
 */

import * as asn1js from "asn1js";
import {
  AltName,
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  Extension,
  ExtKeyUsage,
  GeneralName,
  GeneralSubtree,
  NameConstraints,
} from "pkijs";
import { addressText, parseAddress } from "../network/ip_ranges.ts";

/** A certificate with its private key, as PEM text. */
export interface IssuedCertificate {
  /** The certificate, followed by the certificate of its CA if it is not a CA itself. */
  readonly certificate: string;
  /** The private key in PKCS #8. */
  readonly key: string;
}

/** The host names and IP addresses that a certificate is valid for. */
export interface Subject {
  /** Host names. The first one is the common name of the certificate. */
  readonly names: readonly string[];
  /** IPv4 and IPv6 addresses. */
  readonly addresses: readonly string[];
}

const KEYS = { name: "ECDSA", namedCurve: "P-256" } as const;
const HASH = "SHA-256";
const DAY_MS = 24 * 3_600_000;
/**
 * Certificates are valid from a day before their creation, because clocks of small machines can be hours off.
 */
const BACKDATED_MS = DAY_MS;
const AUTHORITY_DAYS = 3_650;
/** Apple systems accept at most 825 days from a CA that a user has trusted. */
const CERTIFICATE_DAYS = 397;
const SERIAL_BYTES = 16;

/** Domains that exist only within a network (RFC 6761, 6762, 8375, and domains that routers use). */
const PRIVATE_DOMAINS = ["localhost", "local", "lan", "home", "internal", "home.arpa"];
const OID = {
  commonName: "2.5.4.3",
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  subjectKey: "2.5.29.14",
  authorityKey: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  subjectAltName: "2.5.29.17",
  nameConstraints: "2.5.29.30",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;
/** Bits of a key usage and their number of unused bits: digitalSignature, and keyCertSign with cRLSign. */
const KEY_USAGE = { server: [0x80, 7], authority: [0x06, 1] } as const;
const DNS_NAME = 2;
const IP_ADDRESS = 7;

/** Makes a CA that can sign for private domains, for these names and for all IP addresses. */
export async function createAuthority(
  { names }: Pick<Subject, "names">,
  epochMs: number,
): Promise<IssuedCertificate> {
  const keys = await generateKeys();
  const title = `llm-proxy of ${names[0] ?? "this network"}`;
  return {
    certificate: await selfSigned(keys, { title, names, epochMs }),
    key: await pemOfKey(keys.privateKey),
  };
}

/**
 * Renews the certificate of a CA with the same key and title. The certificates that the CA signed stay valid,
 * also for clients that trust the old certificate of the CA. The CA can sign for its earlier names and for
 * `names`.
 */
export async function renewAuthority(
  authority: IssuedCertificate,
  { names }: Pick<Subject, "names">,
  epochMs: number,
): Promise<IssuedCertificate> {
  const keys = await keysOf(authority.key);
  const title = commonNameOf(authority.certificate);
  const before = permittedNames(authority.certificate);
  const certificate = await selfSigned(keys, { title, names: [...before, ...names], epochMs });
  return { certificate, key: authority.key };
}

async function selfSigned(
  keys: CryptoKeyPair,
  { title, names, epochMs }: { title: string; names: readonly string[]; epochMs: number },
): Promise<string> {
  // A constraint has no wildcards: a domain includes all names below it.
  const domains = [...new Set([...PRIVATE_DOMAINS, ...names.map((name) => name.replace(/^\*\./, ""))])];
  const permitted = domains.map((domain) => new GeneralName({ type: DNS_NAME, value: domain }));
  return await signed({
    issuer: title,
    subject: title,
    epochMs,
    days: AUTHORITY_DAYS,
    publicKey: keys.publicKey,
    signer: keys.privateKey,
    extensions: [
      extension(OID.basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema()),
      keyUsage(KEY_USAGE.authority),
      subjectKey(await keyIdentifier(keys.publicKey)),
      extension(
        OID.nameConstraints,
        new NameConstraints({ permittedSubtrees: permitted.map((base) => new GeneralSubtree({ base })) })
          .toSchema(),
      ),
    ],
  });
}

/**
 * Makes a server certificate that the CA signs. The result contains the chain: the certificate, then that of
 * the CA.
 */
export async function issueCertificate(
  authority: IssuedCertificate,
  { names, addresses }: Subject,
  epochMs: number,
): Promise<IssuedCertificate> {
  const keys = await generateKeys();
  const altNames = [
    ...names.map((name) => new GeneralName({ type: DNS_NAME, value: name })),
    ...addresses.map((address) => addressName(parseAddress(address))),
  ];
  const certificate = await signed({
    issuer: commonNameOf(authority.certificate),
    subject: names[0] ?? addresses[0] ?? "llm-proxy",
    epochMs,
    days: CERTIFICATE_DAYS,
    publicKey: keys.publicKey,
    signer: await crypto.subtle.importKey("pkcs8", bytesOf(authority.key), KEYS, false, ["sign"]),
    extensions: [
      extension(OID.basicConstraints, new BasicConstraints({ cA: false }).toSchema()),
      keyUsage(KEY_USAGE.server),
      subjectKey(await keyIdentifier(keys.publicKey)),
      ...authorityKey(subjectKeyOf(authority.certificate)),
      extension(OID.extendedKeyUsage, new ExtKeyUsage({ keyPurposes: [OID.serverAuth] }).toSchema(), false),
      extension(OID.subjectAltName, new AltName({ altNames }).toSchema(), false),
    ],
  });
  return { certificate: certificate + authority.certificate, key: await pemOfKey(keys.privateKey) };
}

/**
 * The names and addresses that a CA cannot sign for because of its name constraints. A CA of an earlier
 * version also limits addresses.
 */
export function namesOutsideConstraints(authority: string, { names, addresses }: Subject): string[] {
  const domains = permittedNames(authority);
  const ranges = permittedBases(authority).flatMap((base) =>
    base.type === IP_ADDRESS ? [addressBytes(base)] : []
  );
  const isPermitted = (address: string): boolean =>
    ranges.length === 0 || ranges.some((range) => isWithin(parseAddress(address), range));
  return [
    ...names.filter((name) => !domains.some((domain) => name === domain || name.endsWith(`.${domain}`))),
    ...addresses.filter((address) => !isPermitted(address)),
  ];
}

function permittedNames(authority: string): string[] {
  return permittedBases(authority).flatMap(({ type, value }) => type === DNS_NAME ? [String(value)] : []);
}

function permittedBases(authority: string): GeneralName[] {
  const constraints = extensionOf(authority, OID.nameConstraints);
  const trees = constraints instanceof NameConstraints ? constraints.permittedSubtrees ?? [] : [];
  return trees.map(({ base }) => base);
}

/** Reads the names, addresses and expiry of a certificate in PEM. */
export function describeCertificate(certificate: string): Subject & { readonly notAfter: Date } {
  const altName = extensionOf(certificate, OID.subjectAltName);
  const all = altName instanceof AltName ? altName.altNames : [];
  return {
    names: all.flatMap(({ type, value }) => type === DNS_NAME ? [String(value)] : []),
    addresses: all.flatMap((name) => name.type === IP_ADDRESS ? [addressText(addressBytes(name))] : []),
    notAfter: parsed(certificate).notAfter.value,
  };
}

function extensionOf(certificate: string, oid: string): unknown {
  return parsed(certificate).extensions?.find(({ extnID }) => extnID === oid)?.parsedValue;
}

async function signed(
  { issuer, subject, epochMs, days, publicKey, signer, extensions }: {
    issuer: string;
    subject: string;
    epochMs: number;
    days: number;
    publicKey: CryptoKey;
    signer: CryptoKey;
    extensions: Extension[];
  },
): Promise<string> {
  const certificate = new Certificate();
  certificate.version = 2; // X.509 version 3
  const serial = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  // A serial number has to be positive and without leading zeros.
  serial[0] = (serial[0] ?? 0) & 0x3f | 0x40;
  certificate.serialNumber = new asn1js.Integer({ valueHex: serial.buffer });
  certificate.issuer.typesAndValues.push(commonName(issuer));
  certificate.subject.typesAndValues.push(commonName(subject));
  certificate.notBefore.value = new Date(epochMs - BACKDATED_MS);
  certificate.notAfter.value = new Date(epochMs + days * DAY_MS);
  certificate.extensions = extensions;
  await certificate.subjectPublicKeyInfo.importKey(publicKey);
  await certificate.sign(signer, HASH);
  return pem("CERTIFICATE", certificate.toSchema(true).toBER(false));
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(KEYS, true, ["sign", "verify"]);
}

/** The key pair of a private key in PEM. The public key is derived from it. */
async function keysOf(key: string): Promise<CryptoKeyPair> {
  const privateKey = await crypto.subtle.importKey("pkcs8", bytesOf(key), KEYS, true, ["sign"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", privateKey);
  const half = { kty, crv, x, y } as JsonWebKey; // the JWK of an elliptic curve key has all four members
  return { privateKey, publicKey: await crypto.subtle.importKey("jwk", half, KEYS, true, ["verify"]) };
}

async function pemOfKey(key: CryptoKey): Promise<string> {
  return pem("PRIVATE KEY", await crypto.subtle.exportKey("pkcs8", key));
}

function commonName(value: string): AttributeTypeAndValue {
  return new AttributeTypeAndValue({ type: OID.commonName, value: new asn1js.Utf8String({ value }) });
}

function commonNameOf(certificate: string): string {
  return String(parsed(certificate).subject.typesAndValues[0]?.value.valueBlock.value ?? "");
}

function extension(extnID: string, value: asn1js.BaseBlock, critical = true): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER(false) });
}

function keyUsage([bits, unusedBits]: readonly [number, number]): Extension {
  return extension(OID.keyUsage, new asn1js.BitString({ valueHex: Uint8Array.of(bits).buffer, unusedBits }));
}

/**
 * Key identifiers link a chain (RFC 5280, 4.2.1.1 and 4.2.1.2). Strict verifiers such as Python require them.
 */
function subjectKey(identifier: ArrayBuffer): Extension {
  return extension(OID.subjectKey, new asn1js.OctetString({ valueHex: identifier }), false);
}

function authorityKey(identifier: ArrayBuffer | undefined): Extension[] {
  if (identifier === undefined) return [];
  const keyIdentifier = new asn1js.OctetString({ valueHex: identifier });
  return [extension(OID.authorityKey, new AuthorityKeyIdentifier({ keyIdentifier }).toSchema(), false)];
}

async function keyIdentifier(key: CryptoKey): Promise<ArrayBuffer> {
  return await crypto.subtle.digest("SHA-1", await crypto.subtle.exportKey("raw", key));
}

function subjectKeyOf(certificate: string): ArrayBuffer | undefined {
  const found = extensionOf(certificate, OID.subjectKey);
  return found instanceof asn1js.OctetString ? found.valueBlock.valueHexView.slice().buffer : undefined;
}

function addressName(bytes: readonly number[]): GeneralName {
  const value = new asn1js.OctetString({ valueHex: Uint8Array.from(bytes).buffer });
  return new GeneralName({ type: IP_ADDRESS, value });
}

/**
 * Whether an address is in a range of a name constraint: the bytes of an address, then the bytes of its mask.
 */
function isWithin(bytes: readonly number[], range: readonly number[]): boolean {
  return range.length === bytes.length * 2 &&
    bytes.every((byte, index) => {
      const mask = range[bytes.length + index] ?? 255;
      return (byte & mask) === ((range[index] ?? 0) & mask);
    });
}

function addressBytes({ value }: GeneralName): number[] {
  return value instanceof asn1js.OctetString ? [...value.valueBlock.valueHexView] : [];
}

function parsed(certificate: string): Certificate {
  return Certificate.fromBER(bytesOf(certificate));
}

/** The bytes of the first block of a PEM text. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const [, base64 = ""] = /-----BEGIN [^-]+-----([^-]+)-----END/.exec(text) ?? [];
  return Uint8Array.fromBase64(base64.replace(/\s/g, ""));
}

function pem(label: string, bytes: ArrayBuffer): string {
  const lines = new Uint8Array(bytes).toBase64().match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
