/**
 * A certificate authority for one network, and certificates by it (RFC 5280). Of names the authority can sign for
 * private domains and those it was made for alone, so that its stolen key serves nobody to pose as another name. IP
 * addresses it does not limit: BoringSSL does not know such a limit, and refuses every certificate below it.
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

/** A certificate with its private key, as PEM texts. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate is valid for. */
export interface Subject {
  /** Host names; the first one is what people are shown. */
  readonly names: readonly string[];
  /** IPv4 and IPv6 addresses. */
  readonly addresses: readonly string[];
}

const KEYS = { name: "ECDSA", namedCurve: "P-256" } as const;
const HASH = "SHA-256";
const DAY_MS = 24 * 3_600_000;
/** Clocks of small machines go wrong, mostly by hours. */
const BACKDATED_MS = DAY_MS;
const AUTHORITY_DAYS = 3_650;
/** Apple's systems take no more than 825 days from an authority that a person has trusted. */
const CERTIFICATE_DAYS = 397;
const SERIAL_BYTES = 16;

/** Names that mean nothing outside of a network (RFC 6761, 6762, 8375, and what routers use). */
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
/** The first bits of a key usage: digitalSignature; keyCertSign and cRLSign. */
const KEY_USAGE = { server: [0x80, 7], authority: [0x06, 1] } as const;
const DNS_NAME = 2;
const IP_ADDRESS = 7;

/** Makes an authority that can sign for private domains and these names, and for addresses. */
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
 * Makes an authority's own certificate again, by the same key and with the same title: what it has signed stays
 * valid, also for clients that trust the certificate of before. It can sign for the names of before and for these.
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
  // A domain stands for all names below it: there are no wildcards in constraints.
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

/** Makes a certificate for a server, by an authority. It holds the authority's own behind it. */
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

/** The names and addresses of those that the authority cannot sign for. One of an earlier version limits addresses. */
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

/** What a certificate is valid for, and how long. */
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
  certificate.version = 2; // which means 3
  const serial = crypto.getRandomValues(new Uint8Array(SERIAL_BYTES));
  // A positive number without leading zeros, as it has to be.
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

/** The pair of an authority's key, whose public half is within the private one. */
async function keysOf(key: string): Promise<CryptoKeyPair> {
  const privateKey = await crypto.subtle.importKey("pkcs8", bytesOf(key), KEYS, true, ["sign"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", privateKey);
  const half = { kty, crv, x, y } as JsonWebKey; // of an elliptic curve's key all four are there
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

/** By these a chain is found (RFC 5280, 4.2.1.1 and 4.2.1.2); strict readers, such as Python's, ask for them. */
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

/** Whether an address is in a range, which constraints hold as an address with its mask. */
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

/** The first block of a PEM text. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  const [, base64 = ""] = /-----BEGIN [^-]+-----([^-]+)-----END/.exec(text) ?? [];
  return Uint8Array.fromBase64(base64.replace(/\s/g, ""));
}

function pem(label: string, bytes: ArrayBuffer): string {
  const lines = new Uint8Array(bytes).toBase64().match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
