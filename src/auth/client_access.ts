/** The stage before all others: where a request comes from, and whether that address may ask. */

import { addressTest, clientAddress } from "../network/ip_ranges.ts";
import type { Credential } from "./credential.ts";
import type { FailureGate } from "./failure_gate.ts";
import { type GuessPlace, guessPlace, type Sender } from "./guess_place.ts";
import { hashOf } from "./token_value.ts";
import type { ServerConfig } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import { fieldValue } from "../http/fields.ts";
import type { IncomingRequest } from "../http/message.ts";
import { type OwnNames, ownNameTest } from "./own_names.ts";
import { isOfOtherSite } from "./page_origin.ts";

/** What is looked at of a request. */
export type Asking = Pick<IncomingRequest, "peer" | "fields">;

/** What addresses may do, by one configuration. */
export interface Entrance {
  /** The client's own address, behind reverse proxies that are trusted. */
  readonly addressOf: (request: Asking) => string;
  /** Whether the address is among those that may call. */
  readonly isAllowed: (address: string) => boolean;
  /** Throws `forbidden` where the address is not among those that may call. */
  readonly checkAddress: (address: string) => void;
  /**
   * Whether too many wrong tokens came from the address of a request that presents one now: meanwhile only tokens that
   * cannot be guessed are taken from it. What web pages can send waits apart from what programs send.
   */
  readonly mustWait: (asking: Asking, presented: readonly Credential[]) => boolean;
  /** What an address hears that has to wait. */
  readonly waitFault: (asking: Asking, presented: readonly Credential[]) => ProxyFault;
  /** None of these was valid. */
  readonly refused: (asking: Asking, presented: readonly Credential[]) => void;
  /** What a wrong token in the request's `Authorization` is counted by. */
  readonly guessPlaceOf: (asking: Asking) => GuessPlace;
}

/** Makes the entrance; `gate` outlasts configurations. */
export function createEntrance(
  { allowedIps, trustedProxies, ...names }:
    & Pick<ServerConfig, "allowedIps" | "trustedProxies">
    & OwnNames,
  gate: FailureGate,
): Entrance {
  const isTrusted = addressTest(trustedProxies);
  const isAllowed = addressTest(allowedIps);
  const isOwnName = ownNameTest(names);
  return {
    addressOf,
    isAllowed,
    checkAddress(address) {
      if (isAllowed(address)) return;
      throw new ProxyFault(
        "forbidden",
        `Your address ${address} is not among those that may use this proxy (allowed_ips).`,
      );
    },
    mustWait: (asking, presented) => waitMs(asking, presented) > 0,
    waitFault(asking, presented) {
      const seconds = Math.max(1, Math.ceil(waitMs(asking, presented) / 1000));
      const hint = isAskedByOwnName(asking) ? "" : ` ${FOREIGN_NAME_HINT}`;
      return new ProxyFault(
        "rate_limited",
        `Too many wrong tokens came from your address: try again in ${seconds} s.${hint}`,
        { retryAfterSeconds: seconds },
      );
    },
    refused(asking, presented) {
      if (presented.length === 0) return;
      const [address, sender] = [addressOf(asking), senderOf(asking)];
      for (const { place, value } of presented) {
        gate.failed(address, hashOf(value).toBase64(), guessPlace(place, sender));
      }
    },
    guessPlaceOf: (asking) => guessPlace("authorization", senderOf(asking)),
  };

  function addressOf({ peer, fields }: Asking): string {
    return trustedProxies.length === 0
      ? peer
      : clientAddress(peer, fieldValue(fields, "x-forwarded-for"), isTrusted);
  }

  function waitMs(asking: Asking, presented: readonly Credential[]): number {
    // Nearly always nobody waits, and every request asks.
    if (gate.isEmpty) return 0;
    const [address, sender] = [addressOf(asking), senderOf(asking)];
    return presented.reduce(
      (longest, { place }) => Math.max(longest, gate.waitMs(address, guessPlace(place, sender))),
      0,
    );
  }

  function senderOf(asking: Asking): Sender {
    return {
      isPage: isOfOtherSite(asking.fields),
      isOwnName: isAskedByOwnName(asking),
      isBasic: /^basic /i.test(fieldValue(asking.fields, "authorization") ?? ""),
    };
  }

  /** Behind a reverse proxy that is trusted the name is for that one to check, unless the configuration says it. */
  function isAskedByOwnName({ peer, fields }: Asking): boolean {
    const host = fieldValue(fields, "host");
    // Browsers never leave it out.
    if (host === undefined || isOwnName(host)) return true;
    return names.allowedHosts.length === 0 && trustedProxies.length > 0 && isTrusted(peer);
  }
}

/** What helps those who use a name that the proxy does not know. */
const FOREIGN_NAME_HINT =
  "The proxy was asked by a name that others could point at it, and such requests wait together: " +
  "add the name to allowed_hosts (ALLOWED_HOSTS) if it is the proxy's.";
