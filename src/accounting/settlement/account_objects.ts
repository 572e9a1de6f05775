/** The object of a provider that one exchange creates, reads or cancels, and what its response says of it. */

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
import type { ObjectRequest } from "./object_paths.ts";
import type { ObjectResponse } from "./object_response.ts";
import type { ReportedPart, Settlement } from "./settlement.ts";
import type { Tap } from "../taps/tap.ts";

/** The part of an account that its objects depend on. */
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
  /** In milliseconds since 1970. */
  readonly startedAt: number;
  readonly facts: RequestFacts;
  /** What the request does with an object. `undefined` for requests that concern no object. */
  readonly object: ObjectRequest | undefined;
  /** The backend that responded. `undefined` before the headers of its response. */
  readonly backend: Backend | undefined;
  readonly tap: Tap | undefined;
  readonly admission: AccountAdmission | undefined;
  readonly costs: ExchangeCosts;
  /** Whether the response is successful. */
  readonly isGood: boolean;
  /** Whether the response is a part of what its address names. */
  readonly isPart: boolean;
}

/** A cancellation of an object may miss this much of its text, in bytes. */
const MAX_UNNOTICED_BYTES = 64 * 1024;

/** The object of one exchange. */
export class AccountObjects {
  readonly #of: ObjectAccount;
  readonly #parts: Pick<AccountParts, "objects" | "outputs">;
  #hasCreated = false;
  #isBackground: boolean | undefined;
  /** The bytes of text at which the text of an object is recorded again. */
  #noticedBytes = 0;

  constructor(of: ObjectAccount, parts: Pick<AccountParts, "objects" | "outputs">) {
    this.#of = of;
    this.#parts = parts;
  }

  /** Whether the exchange created an object that is settled later. */
  get hasCreated(): boolean {
    return this.#hasCreated;
  }

  /** A piece of the response has passed. Called before the client gets it, in case the process is killed. */
  passed(): void {
    const { object } = this.#of;
    if (object === undefined) return;
    if (object.action === "create") this.notice();
    this.#noticeText(object);
  }

  /**
   * Passes the reservation on to the batch or background response that this response created, once the
   * response shows it.
   */
  notice(): void {
    const { object, admission, tap, isGood } = this.#of;
    if (this.#hasCreated || object === undefined || !isGood) return;
    // Computed once. If an upstream answers before it has the body, the bytes that have passed so far decide.
    const isBackground = () => this.#isBackground ??= this.#of.facts.background === true;
    const id = pendingObjectId(tap, { kind: object.kind, isBackground });
    if (id === undefined || admission === undefined) return;
    const origin = this.#origin();
    if (!this.#parts.objects.hasRoom(origin)) return;
    this.#hasCreated = true;
    const held = admission.handOver();
    this.#parts.objects.add(awaitedObject(id, origin, held), held);
  }

  /** Records the text of an object that is not over, often enough that a cancellation finds most of it. */
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
   * The bytes of text that this exchange has received of a certain object. 0 if it concerns another object.
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

  /** The place of the objects of this exchange: its endpoint, and its account at the provider. */
  get place(): Omit<ObjectKey, "id"> {
    return { endpoint: this.#of.endpoint?.name ?? "", providerAccount: this.#providerAccount() };
  }

  /** The account at the provider. `undefined` if no backend responded, or the client sent its key. */
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

  /** What the response says about an object. */
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
    const { costs, backend } = this.#of;
    const charge = costs.chargeOfObject(object, part, backend);
    const { outputTokens } = part.usage;
    if (object.kind !== "batch" && object.model !== undefined && outputTokens !== undefined) {
      this.#parts.outputs.add(
        { endpoint: object.endpoint, model: object.model, principal: object.principal },
        outputTokens,
      );
    }
    const tokens = costs.countedTokens(charge) ?? 0;
    return { charge, tokens, model: part.model, stopReason: part.stopReason };
  }
}
