/**
 * The checks of WebAuthn (https://www.w3.org/TR/webauthn-3/), by a library. The first person who adds a passkey
 * or signs in with one loads this module.
 */

import {
  type AuthenticationResponseJSON,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { decodeAttestationObject, isoBase64URL } from "@simplewebauthn/server/helpers";
import type { Person } from "../person.ts";
import type { Passkey } from "./passkey.ts";
import { PASSKEY_TIMEOUT_MS, userHandleOf } from "./request_options.ts";

export type { AuthenticationResponseJSON, RegistrationResponseJSON };

/** The algorithms of signatures by their COSE numbers: EdDSA, ES256, RS256. */
const ALGORITHMS = [-8, -7, -257];

/** What the response of an authenticator must state. */
export interface Expected {
  readonly challenge: string;
  /** The origin of the admin page, as the browser shows it. */
  readonly origin: string;
  readonly rpId: string;
}

/** What an authenticator states about a new passkey. */
export type NewCredential = Pick<
  Passkey,
  "credentialId" | "publicKey" | "counter" | "transports" | "isSynced"
>;

/** What an authenticator states at a sign-in. */
export type Use = Pick<Passkey, "counter" | "isSynced">;

/** The options with which a browser makes a passkey of a person. Authenticators in `known` make none. */
export async function creationOptions(
  { login, name, id }: Pick<Person, "id" | "login" | "name">,
  { challenge, rpId }: Pick<Expected, "challenge" | "rpId">,
  known: readonly Pick<Passkey, "credentialId" | "transports">[],
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  return await generateRegistrationOptions({
    rpName: "llm-proxy",
    rpID: rpId,
    userID: userHandleOf(id),
    userName: login,
    userDisplayName: name,
    challenge: isoBase64URL.toBuffer(challenge),
    timeout: PASSKEY_TIMEOUT_MS,
    attestationType: "none",
    excludeCredentials: known.map(({ credentialId }) => ({ id: credentialId })),
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
    supportedAlgorithmIDs: ALGORITHMS,
  });
}

/** Checks a new passkey. `undefined` if the response does not state what is expected. */
export async function checkCreation(
  response: RegistrationResponseJSON,
  { challenge, origin, rpId }: Expected,
): Promise<NewCredential | undefined> {
  return await unlessInvalid(async () => {
    const attestation = decodeAttestationObject(isoBase64URL.toBuffer(response.response.attestationObject));
    // The options ask for no attestation, so a browser sends none, or one that the new key signs itself. The
    // library would read the certificates of others, and fetch lists of revoked ones.
    const isOwn = attestation.get("fmt") === "packed" && attestation.get("attStmt").get("x5c") === undefined;
    if (attestation.get("fmt") !== "none" && !isOwn) return undefined;
    const { registrationInfo } = await verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: true,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    if (registrationInfo === undefined) return undefined;
    const { credential, credentialBackedUp } = registrationInfo;
    if (credential.id !== response.id) return undefined;
    return {
      credentialId: credential.id,
      publicKey: credential.publicKey,
      counter: credential.counter,
      transports: credential.transports ?? [],
      isSynced: credentialBackedUp,
    };
  });
}

/**
 * Checks a signature of a passkey. `undefined` if the response does not state what is expected, or if the
 * signature is wrong. The counter is not checked: the database does it, for all replicas.
 */
export async function checkUse(
  response: AuthenticationResponseJSON,
  { credentialId, publicKey }: Pick<Passkey, "credentialId" | "publicKey">,
  { challenge, origin, rpId }: Expected,
): Promise<Use | undefined> {
  return await unlessInvalid(async () => {
    const { verified, authenticationInfo: { newCounter, credentialBackedUp } } =
      await verifyAuthenticationResponse({
        response,
        expectedChallenge: challenge,
        expectedOrigin: origin,
        expectedRPID: rpId,
        credential: { id: credentialId, publicKey: publicKey.slice(), counter: 0 },
        requireUserVerification: true,
      });
    return verified ? { counter: newCounter, isSynced: credentialBackedUp } : undefined;
  });
}

/** The library throws an `Error` for each part of a response that is not as expected, or cannot be read. */
async function unlessInvalid<Result>(check: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
