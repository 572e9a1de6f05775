/** An authority as earlier versions made it: with limits for IP addresses, which BoringSSL does not know. */

import * as asn1js from "asn1js";
import { Certificate, GeneralName, GeneralSubtree, NameConstraints } from "pkijs";
import { createAuthority, type IssuedCertificate } from "../../../src/tls/authority.ts";

const NAME_CONSTRAINTS = "2.5.29.30";
const IP_ADDRESS = 7;

/** For these names, and for every address. */
export async function limitingAuthority(names: readonly string[]): Promise<IssuedCertificate> {
  const { certificate, key } = await createAuthority({ names }, Date.now());
  const parsed = Certificate.fromBER(bytesOf(certificate));
  const extension = parsed.extensions?.find(({ extnID }) => extnID === NAME_CONSTRAINTS);
  const constraints = extension?.parsedValue;
  if (extension === undefined || !(constraints instanceof NameConstraints)) throw new TypeError("no limits");
  for (const size of [8, 32]) {
    // An address and its mask, both zero: every address of the kind.
    const value = new asn1js.OctetString({ valueHex: new ArrayBuffer(size) });
    constraints.permittedSubtrees?.push(
      new GeneralSubtree({ base: new GeneralName({ type: IP_ADDRESS, value }) }),
    );
  }
  extension.extnValue = new asn1js.OctetString({ valueHex: constraints.toSchema().toBER(false) });
  const signer = { name: "ECDSA", namedCurve: "P-256" };
  await parsed.sign(await crypto.subtle.importKey("pkcs8", bytesOf(key), signer, false, ["sign"]), "SHA-256");
  const base64 = new Uint8Array(parsed.toSchema(true).toBER(false)).toBase64().replace(/.{1,64}/g, "$&\n");
  return { certificate: `-----BEGIN CERTIFICATE-----\n${base64}-----END CERTIFICATE-----\n`, key };
}

function bytesOf(pem: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(pem.replace(/-----[^-]+-----|\s/g, ""));
}
