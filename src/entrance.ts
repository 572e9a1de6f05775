/** The stage before all others: where a request comes from, and whether that address may ask. */

import { addressTest, clientAddress } from "./address_list.ts";
import type { Credential } from "./auth/credential.ts";
import type { FailureGate } from "./auth/failure_gate.ts";
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
  /** Throws `rate_limited` where too many wrong tokens came from an address that sends one. */
  readonly checkGuesses: (address: string, presented: readonly Credential[]) => void;
  /** None of these was right. */
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
    checkGuesses(address, presented) {
      const waitMs = presented.length === 0 ? 0 : gate.waitMs(address);
      if (waitMs === 0) return;
      const seconds = Math.ceil(waitMs / 1000);
      throw new ProxyFault(
        "rate_limited",
        `Too many wrong tokens came from your address: even the right one has to wait ${seconds} s.`,
        { retryAfterSeconds: seconds },
      );
    },
    refused(address, presented) {
      for (const { value } of presented) gate.failed(address, hashOf(value).toBase64());
    },
  };
}
