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
import { isOfOtherSite, type Scheme } from "./page_origin.ts";

/** What is looked at of a request. */
export type ClientRequest = Pick<IncomingRequest, "peer" | "fields" | "isTls">;

/** What addresses may do, by one configuration. */
export interface ClientAccess {
  /** The client's own address, behind reverse proxies that are trusted. */
  readonly addressOf: (request: ClientRequest) => string;
  /**
   * The scheme of the URL that the client used. Undefined if the proxy does not know it: a trusted proxy does not send
   * one `x-forwarded-proto`, or the connection is plain and a reverse proxy that is not listed may be in front.
   */
  readonly schemeOf: (request: ClientRequest) => Scheme | undefined;
  /** Whether the address is among those that may call. */
  readonly isAllowed: (address: string) => boolean;
  /** Throws `forbidden` where the address is not among those that may call. */
  readonly checkAddress: (address: string) => void;
  /**
   * Whether too many wrong tokens came from the address of a request that presents one now: meanwhile only tokens that
   * cannot be guessed are taken from it. What web pages can send waits apart from what programs send.
   */
  readonly mustWait: (request: ClientRequest, presented: readonly Credential[]) => boolean;
  /** What an address hears that has to wait. */
  readonly waitFault: (request: ClientRequest, presented: readonly Credential[]) => ProxyFault;
  /** None of these was valid. */
  readonly recordGuesses: (request: ClientRequest, presented: readonly Credential[]) => void;
  /** What a wrong token in the request's `Authorization` is counted by. */
  readonly guessPlaceOf: (request: ClientRequest) => GuessPlace;
}

/** Makes the entrance; `gate` outlasts configurations. */
export function createClientAccess(
  { allowedIps, trustedProxies, ...names }:
    & Pick<ServerConfig, "allowedIps" | "trustedProxies">
    & OwnNames,
  gate: FailureGate,
): ClientAccess {
  const isTrusted = addressTest(trustedProxies);
  const isAllowed = addressTest(allowedIps);
  const isOwnName = ownNameTest(names);
  return {
    addressOf,
    schemeOf({ peer, fields, isTls }) {
      if (trustedProxies.length === 0 || !isTrusted(peer)) return isTls === true ? "https" : undefined;
      const forwarded = fieldValue(fields, "x-forwarded-proto")?.toLowerCase();
      return forwarded === "http" || forwarded === "https" ? forwarded : undefined;
    },
    isAllowed,
    checkAddress(address) {
      if (isAllowed(address)) return;
      throw new ProxyFault(
        "forbidden",
        `Your address ${address} is not among those that may use this proxy (allowed_ips).`,
      );
    },
    mustWait: (request, presented) => waitMs(request, presented) > 0,
    waitFault(request, presented) {
      const seconds = Math.max(1, Math.ceil(waitMs(request, presented) / 1000));
      const hint = usesOwnName(request) ? "" : ` ${FOREIGN_NAME_HINT}`;
      return new ProxyFault(
        "rate_limited",
        `Too many wrong tokens came from your address: try again in ${seconds} s.${hint}`,
        { retryAfterSeconds: seconds },
      );
    },
    recordGuesses(request, presented) {
      if (presented.length === 0) return;
      const [address, sender] = [addressOf(request), senderOf(request)];
      for (const { place, value } of presented) {
        gate.recordGuess(address, hashOf(value).toBase64(), guessPlace(place, sender));
      }
    },
    guessPlaceOf: (request) => guessPlace("authorization", senderOf(request)),
  };

  function addressOf({ peer, fields }: ClientRequest): string {
    return trustedProxies.length === 0
      ? peer
      : clientAddress(peer, fieldValue(fields, "x-forwarded-for"), isTrusted);
  }

  function waitMs(request: ClientRequest, presented: readonly Credential[]): number {
    // Nearly always nobody waits, and every request asks.
    if (gate.isEmpty) return 0;
    const [address, sender] = [addressOf(request), senderOf(request)];
    return presented.reduce(
      (longest, { place }) => Math.max(longest, gate.waitMs(address, guessPlace(place, sender))),
      0,
    );
  }

  function senderOf(request: ClientRequest): Sender {
    return {
      isPage: isOfOtherSite(request.fields),
      isOwnName: usesOwnName(request),
      isBasic: /^basic /i.test(fieldValue(request.fields, "authorization") ?? ""),
    };
  }

  /** Behind a reverse proxy that is trusted the name is for that one to check, unless the configuration says it. */
  function usesOwnName({ peer, fields }: ClientRequest): boolean {
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
