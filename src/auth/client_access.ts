/** Which addresses may use the proxy, and how long an address must wait after wrong tokens. */

import type { ServerConfig } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import { fieldValue } from "../http/fields.ts";
import type { IncomingRequest } from "../http/message.ts";
import { addressTest, clientAddress } from "../network/ip_ranges.ts";
import type { Credential } from "./credential.ts";
import type { FailureGate } from "./failure_gate.ts";
import { FOREIGN_NAME_HINT, type GuessPlace, guessPlace, type Sender } from "./guess_place.ts";
import { type OwnNames, ownNameTest } from "./own_names.ts";
import { isOfOtherSite, type Scheme } from "./page_origin.ts";
import { hashOf } from "./token_value.ts";

/** The parts of a request that decide about the access of a client. */
export type ClientRequest = Pick<IncomingRequest, "peer" | "fields" | "isTls">;

/** The settings that decide about the access of clients. */
export type ClientAccessConfig = Pick<ServerConfig, "allowedIps" | "trustedProxies"> & OwnNames;

/** A name or an address, with or without a port. */
const HOST = /^(?:[a-z0-9._-]{1,255}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/;

/** The access rules for client addresses under one configuration. */
export class ClientAccess {
  readonly #gate: FailureGate;
  readonly #hasTrustedProxies: boolean;
  readonly #hasAllowedHosts: boolean;
  readonly #isTrusted: (address: string) => boolean;
  readonly #isAllowed: (address: string) => boolean;
  readonly #isOwnName: (host: string) => boolean;

  /** `gate` keeps its counts when the configuration changes. */
  constructor({ allowedIps, trustedProxies, ...names }: ClientAccessConfig, gate: FailureGate) {
    this.#gate = gate;
    this.#hasTrustedProxies = trustedProxies.length > 0;
    this.#hasAllowedHosts = names.allowedHosts.length > 0;
    this.#isTrusted = addressTest(trustedProxies);
    this.#isAllowed = addressTest(allowedIps);
    this.#isOwnName = ownNameTest(names);
  }

  /** The address of the client. Behind a trusted proxy it comes from `x-forwarded-for`. */
  addressOf({ peer, fields }: ClientRequest): string {
    return this.#hasTrustedProxies
      ? clientAddress(peer, fieldValue(fields, "x-forwarded-for"), this.#isTrusted)
      : peer;
  }

  /**
   * The scheme of the URL that the client used. `undefined` if it is unknown: a trusted proxy sent no valid
   * `x-forwarded-proto`, or the connection is plain and an unlisted reverse proxy may decrypt TLS.
   */
  schemeOf({ peer, fields, isTls }: ClientRequest): Scheme | undefined {
    if (!this.#isTrustedProxy(peer)) return isTls === true ? "https" : undefined;
    return schemeNamed(fieldValue(fields, "x-forwarded-proto")?.toLowerCase());
  }

  /**
   * Scheme, host and port of the URL that the client used, for URLs in the response to the client. A reverse
   * proxy may state the scheme without being trusted, because only this client sees it. `undefined` if the
   * request has no valid host.
   */
  originOf({ peer, fields, isTls }: ClientRequest): string | undefined {
    const first = (name: string) => fieldValue(fields, name)?.split(",", 1)[0]?.trim().toLowerCase();
    const scheme = schemeNamed(first("x-forwarded-proto")) ?? (isTls === true ? "https" : "http");
    const host = (this.#isTrustedProxy(peer) ? first("x-forwarded-host") : undefined) ?? first("host");
    return host !== undefined && HOST.test(host) ? `${scheme}://${host}` : undefined;
  }

  /** Whether `allowed_ips` contains the address. */
  isAllowed(address: string): boolean {
    return this.#isAllowed(address);
  }

  /** Throws a `forbidden` fault if `allowed_ips` does not contain the address. */
  checkAddress(address: string): void {
    if (this.#isAllowed(address)) return;
    throw new ProxyFault(
      "forbidden",
      `Your address ${address} is not allowed to use this proxy (allowed_ips).`,
    );
  }

  /**
   * Whether the address sent too many wrong tokens and must wait before its credentials are checked.
   * Meanwhile the proxy accepts only managed tokens from it, which cannot be guessed. Credentials that web
   * pages can send are counted separately from those that programs send.
   */
  mustWait(request: ClientRequest, presented: readonly Credential[]): boolean {
    return this.#waitMs(request, presented) > 0;
  }

  /** The `rate_limited` fault for an address that must wait. */
  waitFault(request: ClientRequest, presented: readonly Credential[]): ProxyFault {
    const seconds = Math.max(1, Math.ceil(this.#waitMs(request, presented) / 1000));
    const hint = this.#usesOwnName(request) ? "" : ` ${FOREIGN_NAME_HINT}`;
    return new ProxyFault(
      "rate_limited",
      `Your address sent too many wrong tokens: try again in ${seconds} s.${hint}`,
      { retryAfterSeconds: seconds },
    );
  }

  /** Counts credentials that no token matches against the address of the request. */
  recordGuesses(request: ClientRequest, presented: readonly Credential[]): void {
    if (presented.length === 0) return;
    const [address, sender] = [this.addressOf(request), this.#senderOf(request)];
    for (const { place, value } of presented) {
      this.#gate.recordGuess(address, hashOf(value).toBase64(), guessPlace(place, sender));
    }
  }

  /** The counter for a wrong token in the `Authorization` header of the request. */
  guessPlaceOf(request: ClientRequest): GuessPlace {
    return guessPlace("authorization", this.#senderOf(request));
  }

  /** How long the address must wait with the credentials of a request, in milliseconds. */
  #waitMs(request: ClientRequest, presented: readonly Credential[]): number {
    // The common case, since every request comes here.
    if (this.#gate.isEmpty) return 0;
    const [address, sender] = [this.addressOf(request), this.#senderOf(request)];
    // Each counter is read once, even for several credentials.
    const places = new Set(presented.map(({ place }) => guessPlace(place, sender)));
    return Math.max(0, ...[...places].map((place) => this.#gate.waitMs(address, place)));
  }

  #senderOf(request: ClientRequest): Sender {
    return {
      isPage: isOfOtherSite(request.fields),
      isOwnName: this.#usesOwnName(request),
      isBasic: /^basic /i.test(fieldValue(request.fields, "authorization") ?? ""),
    };
  }

  /**
   * Whether the `Host` is one of the proxy's own names. A trusted proxy in front checks the name itself, so
   * that any name counts there unless `allowed_hosts` lists names.
   */
  #usesOwnName({ peer, fields }: ClientRequest): boolean {
    const host = fieldValue(fields, "host");
    // Browsers always send it.
    if (host === undefined || this.#isOwnName(host)) return true;
    return !this.#hasAllowedHosts && this.#isTrustedProxy(peer);
  }

  #isTrustedProxy(peer: string): boolean {
    return this.#hasTrustedProxies && this.#isTrusted(peer);
  }
}

function schemeNamed(name: string | undefined): Scheme | undefined {
  return name === "http" || name === "https" ? name : undefined;
}
