/** The stage before all others: where a request comes from, and whether that address may ask. */

import { addressTest, clientAddress } from "./address_list.ts";
import type { Credential, CredentialPlace } from "./auth/credential.ts";
import type { FailureGate, GuessPlace } from "./auth/failure_gate.ts";
import { hashOf } from "./auth/token_value.ts";
import type { ServerConfig } from "./config/schema.ts";
import { ProxyFault } from "./faults.ts";
import { fieldValue } from "./http1/fields.ts";
import type { IncomingRequest } from "./http1/message.ts";

/** What addresses may do, by one configuration. */
export interface Entrance {
  /** The client's own address, behind reverse proxies that are trusted. */
  readonly addressOf: (request: Pick<IncomingRequest, "peer" | "fields">) => string;
  /** Throws `forbidden` where the address is not among those that may call. */
  readonly checkAddress: (address: string) => void;
  /**
   * Whether too many wrong tokens came from an address that sends one now: meanwhile only tokens that cannot be
   * guessed are taken from it. Tokens in a query wait apart from those in headers.
   */
  readonly mustWait: (address: string, presented: readonly Credential[]) => boolean;
  /** What an address hears that has to wait. */
  readonly waitFault: (address: string, presented: readonly Credential[]) => ProxyFault;
  /** None of these was valid. */
  readonly refused: (address: string, presented: readonly Credential[]) => void;
}

/** Makes the entrance; `gate` outlasts configurations. */
export function createEntrance(
  { allowedIps, trustedProxies }: Pick<ServerConfig, "allowedIps" | "trustedProxies">,
  gate: FailureGate,
): Entrance {
  const isTrusted = addressTest(trustedProxies);
  const isAllowed = addressTest(allowedIps);
  return {
    addressOf({ peer, fields }) {
      return trustedProxies.length === 0
        ? peer
        : clientAddress(peer, fieldValue(fields, "x-forwarded-for"), isTrusted);
    },
    checkAddress(address) {
      if (isAllowed(address)) return;
      throw new ProxyFault(
        "forbidden",
        `Your address ${address} is not among those that may use this proxy (allowed_ips).`,
      );
    },
    mustWait: (address, presented) => waitMs(address, presented) > 0,
    waitFault(address, presented) {
      const seconds = Math.max(1, Math.ceil(waitMs(address, presented) / 1000));
      return new ProxyFault(
        "rate_limited",
        `Too many wrong tokens came from your address: try again in ${seconds} s.`,
        { retryAfterSeconds: seconds },
      );
    },
    refused(address, presented) {
      for (const { place, value } of presented) {
        gate.failed(address, hashOf(value).toBase64(), guessPlace(place));
      }
    },
  };

  function waitMs(address: string, presented: readonly Credential[]): number {
    return presented.reduce(
      (longest, { place }) => Math.max(longest, gate.waitMs(address, guessPlace(place))),
      0,
    );
  }
}

function guessPlace(place: CredentialPlace): GuessPlace {
  return place === "query" ? "query" : "header";
}
