/** Which addresses may use the proxy, and how long an address must wait after wrong tokens. */

import { addressTest, clientAddress } from "../network/ip_ranges.ts";
import type { Credential } from "./credential.ts";
import type { FailureGate } from "./failure_gate.ts";
import { FOREIGN_NAME_HINT, type GuessPlace, guessPlace, type Sender } from "./guess_place.ts";
import { hashOf } from "./token_value.ts";
import type { ServerConfig } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import { fieldValue } from "../http/fields.ts";
import type { IncomingRequest } from "../http/message.ts";
import { type OwnNames, ownNameTest } from "./own_names.ts";
import { isOfOtherSite, type Scheme } from "./page_origin.ts";

/** The parts of a request that decide about the access of a client. */
export type ClientRequest = Pick<IncomingRequest, "peer" | "fields" | "isTls">;

/** The access rules for client addresses under one configuration. */
export interface ClientAccess {
  /** The address of the client. Behind a trusted proxy it comes from `x-forwarded-for`. */
  readonly addressOf: (request: ClientRequest) => string;
  /**
   * The scheme of the URL that the client used. Undefined if it is unknown: a trusted proxy sent no valid
   * `x-forwarded-proto`, or the connection is plain and an unlisted reverse proxy may decrypt TLS.
   */
  readonly schemeOf: (request: ClientRequest) => Scheme | undefined;
  /**
   * Scheme, host and port of the URL that the client used, for URLs in its own answer. A reverse proxy may state
   * the scheme without being trusted, because only this client sees it. Undefined: the request has no valid host.
   */
  readonly originOf: (request: ClientRequest) => string | undefined;
  /** Whether `allowed_ips` contains the address. */
  readonly isAllowed: (address: string) => boolean;
  /** Throws a `forbidden` fault if `allowed_ips` does not contain the address. */
  readonly checkAddress: (address: string) => void;
  /**
   * Whether the address sent too many wrong tokens and must wait before its credentials are checked.
   * Meanwhile the proxy accepts only managed tokens from it, which cannot be guessed. Credentials that web
   * pages can send are counted separately from those that programs send.
   */
  readonly mustWait: (request: ClientRequest, presented: readonly Credential[]) => boolean;
  /** The `rate_limited` fault for an address that must wait. */
  readonly waitFault: (request: ClientRequest, presented: readonly Credential[]) => ProxyFault;
  /** Counts credentials that no token matches against the address of the request. */
  readonly recordGuesses: (request: ClientRequest, presented: readonly Credential[]) => void;
  /** The counter for a wrong token in the `Authorization` header of the request. */
  readonly guessPlaceOf: (request: ClientRequest) => GuessPlace;
}

/** A name or an address, with or without a port. */
const HOST = /^(?:[a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/;

/** Makes the access rules of a configuration. `gate` keeps its counts when the configuration changes. */
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
    originOf(request) {
      const { peer, fields, isTls } = request;
      const first = (name: string) => fieldValue(fields, name)?.split(",", 1)[0]?.trim().toLowerCase();
      const stated = first("x-forwarded-proto");
      const scheme = stated === "http" || stated === "https" ? stated : isTls === true ? "https" : "http";
      const isBehindTrusted = trustedProxies.length > 0 && isTrusted(peer);
      const host = (isBehindTrusted ? first("x-forwarded-host") : undefined) ?? first("host");
      return host !== undefined && HOST.test(host) ? `${scheme}://${host}` : undefined;
    },
    isAllowed,
    checkAddress(address) {
      if (isAllowed(address)) return;
      throw new ProxyFault(
        "forbidden",
        `Your address ${address} is not allowed to use this proxy (allowed_ips).`,
      );
    },
    mustWait: (request, presented) => waitMs(request, presented) > 0,
    waitFault(request, presented) {
      const seconds = Math.max(1, Math.ceil(waitMs(request, presented) / 1000));
      const hint = usesOwnName(request) ? "" : ` ${FOREIGN_NAME_HINT}`;
      return new ProxyFault(
        "rate_limited",
        `Your address sent too many wrong tokens: try again in ${seconds} s.${hint}`,
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
    // The common case, since every request comes here.
    if (gate.isEmpty) return 0;
    const [address, sender] = [addressOf(request), senderOf(request)];
    // Once for each counter, and not for each credential.
    const places = new Set(presented.map(({ place }) => guessPlace(place, sender)));
    return Math.max(0, ...[...places].map((place) => gate.waitMs(address, place)));
  }

  function senderOf(request: ClientRequest): Sender {
    return {
      isPage: isOfOtherSite(request.fields),
      isOwnName: usesOwnName(request),
      isBasic: /^basic /i.test(fieldValue(request.fields, "authorization") ?? ""),
    };
  }

  /**
   * A trusted proxy checks the name itself. The proxy checks it there only if `allowed_hosts` lists names.
   */
  function usesOwnName({ peer, fields }: ClientRequest): boolean {
    const host = fieldValue(fields, "host");
    // Browsers always send it.
    if (host === undefined || isOwnName(host)) return true;
    return names.allowedHosts.length === 0 && trustedProxies.length > 0 && isTrusted(peer);
  }
}
