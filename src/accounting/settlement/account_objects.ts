/**
 * The object of a provider that one exchange creates, reads or cancels, and the state of the object by the
 * response.
 */

import type { Backend, Endpoint } from "../../config/config.ts";
import { projectProviderKey } from "../../config/project_provider_key.ts";
import type { ExchangeRecord } from "../../exchange_record.ts";
import type { RequestFacts } from "../../payload/request_facts.ts";
import type { Principal } from "../../principal.ts";
import { providerAccount } from "../../storage/provider_account.ts";
import type { AwaitedObject, ObjectKey } from "../../storage/object_store.ts";
import type { AccountAdmission } from "../account_admission.ts";
import type { AccountedExchange, AccountParts } from "../accounted_exchange.ts";
import { awaitedObject, type ObjectOrigin, pendingObjectId } from "./awaited_object.ts";
import type { ExchangeCosts } from "../exchange_costs.ts";
import type { MadeAt } from "./made_prices.ts";
import type { ObjectRequest } from "./object_paths.ts";
import type { ObjectResponse } from "./object_response.ts";
import type { ReportedPart, Settlement } from "./settlement.ts";
import type { Tap } from "../taps/tap.ts";

/** The part of an account that {@link AccountObjects} uses. */
export interface ObjectAccount {
  readonly exchange: Pick<AccountedExchange, "id" | "loggedPath">;
  readonly endpoint: Endpoint | undefined;
  /** The name of the client. */
  readonly principal: string;
  /** The provider keys of the client's project by endpoint. */
  readonly keys: Principal["keys"];
  readonly owner: Pick<Principal, "tokenId" | "projectId">;
  /** The family of client programs. */
  readonly client: string;
  /** The start of the exchange, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly facts: RequestFacts;
  /** The action of the request on an object. `undefined` if the request concerns no object. */
  readonly object: ObjectRequest | undefined;
  /** The backend that responded. `undefined` until the headers of its response have arrived. */
  readonly backend: Backend | undefined;
  readonly tap: Tap | undefined;
  readonly admission: AccountAdmission | undefined;
  readonly costs: ExchangeCosts;
  /** Whether the response is successful. */
  readonly isGood: boolean;
  /** Whether the response is only a part of the resource at its URL (a range). */
  readonly isPart: boolean;
}

type ObjectParts = Pick<AccountParts, "objects" | "outputs" | "madePrices" | "pricesAt">;

/** The most bytes of an object's text that a cancellation of the object may not know of. */
const MAX_UNNOTICED_BYTES = 64 * 1024;

/** The object that one exchange concerns. */
export class AccountObjects {
  readonly #of: ObjectAccount;
  readonly #parts: ObjectParts;
  #hasCreated = false;
  #isBackground: boolean | undefined;
  /** The number of bytes of text at which the text of an object is recorded again. */
  #noticedBytes = 0;

  constructor(of: ObjectAccount, parts: ObjectParts) {
    this.#of = of;
    this.#parts = parts;
  }

  /** Whether the exchange created an object that is settled later. */
  get hasCreated(): boolean {
    return this.#hasCreated;
  }

  /**
   * Call it for each piece of the response, before the client gets the piece. So the reservation is kept even
   * if the process is killed.
   */
  passed(): void {
    const { object } = this.#of;
    if (object === undefined) return;
    if (object.action === "create") this.notice();
    this.#noticeText(object);
  }

  /**
   * Hands the reservation over to the batch or background response that this response created. Does nothing
   * until the response shows the object.
   */
  notice(): void {
    const { object, admission, tap, isGood } = this.#of;
    if (this.#hasCreated || object === undefined || !isGood) return;
    // This is computed once. An upstream may respond before it has the whole body; the bytes that have passed
    // until then decide.
    const isBackground = () => this.#isBackground ??= this.#of.facts.background === true;
    const id = pendingObjectId(tap, { kind: object.kind, isBackground });
    if (id === undefined || admission === undefined) return;
    const origin = this.#origin();
    if (!this.#parts.objects.hasRoom(origin)) return;
    this.#hasCreated = true;
    const held = admission.handOver();
    const made = awaitedObject(id, origin, held);
    const { costs, backend } = this.#of;
    this.#parts.madePrices.add(made, { costs, backend });
    this.#parts.objects.add(made, held);
  }

  /**
   * Records the text of an object that is not over. It does so often enough that a cancellation finds most of
   * the text.
   */
  #noticeText({ kind, id = this.#of.tap?.object?.id }: ObjectRequest): void {
    const { textBytes = 0, object } = this.#of.tap ?? {};
    if (
      textBytes < this.#noticedBytes || kind === "batch" || id === undefined || object?.isPending !== true
    ) {
      return;
    }
    this.#noticedBytes = textBytes + Math.min(Math.max(textBytes, 1), MAX_UNNOTICED_BYTES);
    if (textBytes > 0) this.#parts.objects.received({ ...this.place, id }, textBytes);
  }

  /**
   * Returns the bytes of text that this exchange has received of an object. 0 if the exchange concerns
   * another object.
   */
  receivedBytes({ endpoint, providerAccount }: Omit<ObjectKey, "id">, id: string | undefined): number {
    const { object, tap } = this.#of;
    if (object === undefined || id === undefined) return 0;
    const { place } = this;
    const isSamePlace = place.endpoint === endpoint ||
      providerAccount !== undefined && place.providerAccount === providerAccount;
    if (!isSamePlace) return 0;
    return (object.id ?? tap?.object?.id) === id ? tap?.textBytes ?? 0 : 0;
  }

  /** The endpoint of the objects of this exchange, and the account at the provider. */
  get place(): Omit<ObjectKey, "id"> {
    return { endpoint: this.#of.endpoint?.name ?? "", providerAccount: this.#providerAccount() };
  }

  /**
   * Returns the account at the provider. `undefined` if no backend responded, or if the client sent its own
   * key.
   */
  #providerAccount(): string | undefined {
    const { endpoint, backend, keys } = this.#of;
    if (backend === undefined || endpoint === undefined) return undefined;
    const { baseUrl, key } = backend;
    const ofProject = projectProviderKey(backend, { endpoint, keys });
    const own = key.mode === "inject" ? key.value : key.mode === "none" ? "" : undefined;
    const value = ofProject ?? own;
    return value === undefined ? undefined : providerAccount(baseUrl.origin, value);
  }

  #origin(): ObjectOrigin {
    const { exchange, owner, endpoint, object, backend, principal, client, facts, startedAt } = this.#of;
    return {
      ...this.place,
      kind: object?.kind ?? "",
      requestId: exchange.id,
      path: exchange.loggedPath,
      provider: endpoint?.dialect,
      backend: backend?.name,
      principal,
      tokenId: owner.tokenId,
      projectId: owner.projectId,
      client,
      facts,
      madeAt: startedAt,
    };
  }

  /** Returns what the response says about an object. */
  response(
    record: ExchangeRecord,
    { request, summary, receivedBytes }: Pick<ObjectResponse, "request" | "summary" | "receivedBytes">,
  ): ObjectResponse {
    const { isGood, isPart } = this.#of;
    const { endpoint, providerAccount } = this.place;
    return {
      request,
      endpoint,
      providerAccount,
      summary,
      receivedBytes,
      isWhole: isGood && !isPart && record.ending === "complete",
      charge: (object, part) => this.#settlement(object, part),
      asOwnObject: (id) => awaitedObject(id, this.#origin()),
    };
  }

  #settlement(object: AwaitedObject, part: ReportedPart): Settlement {
    const { madePrices, pricesAt, outputs } = this.#parts;
    // The client chooses the endpoint at which it reads the object.
    const made = madePrices.of(object) ?? pricesAt(object) ?? this.#of;
    return settlementAt(made, object, { part, outputs });
  }
}

/** Returns the charge of an object by reported usage, at the prices of a request. */
export function settlementAt(
  { costs, backend }: MadeAt,
  object: AwaitedObject,
  { part, outputs }: { readonly part: ReportedPart; readonly outputs: AccountParts["outputs"] },
): Settlement {
  const charge = costs.chargeOfObject(object, part, backend);
  const { outputTokens } = part.usage;
  if (object.kind !== "batch" && object.model !== undefined && outputTokens !== undefined) {
    outputs.add(
      { endpoint: object.endpoint, model: object.model, principal: object.principal },
      outputTokens,
    );
  }
  const tokens = costs.countedTokens(charge) ?? 0;
  return { charge, tokens, model: part.model, stopReason: part.stopReason };
}
