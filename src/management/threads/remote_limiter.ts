/** The limits of requests in a serving thread. The main thread counts for all threads. */

import type { AccountLimiter, RequestAdmission, TakenExchange } from "../../accounting/account_admission.ts";
import type { Held } from "../../limits/admission.ts";
import type { Reservation } from "../../limits/ledger.ts";
import { limitsOfModels, modelRuleKey } from "../../limits/model_rules.ts";
import type { Limits, Principal, Rules, Subject } from "../../principal.ts";
import type { ThreadPort } from "../../workers/thread_port.ts";
import { type LimitMethods, toJson } from "./methods.ts";

type MainPort = Pick<ThreadPort<LimitMethods>, "call" | "send" | "sendLater">;

/** The most numbers of subjects that the main thread keeps for a thread. */
const MAX_SUBJECTS = 10_000;
const NOTHING: Reservation = { tokens: 0, micros: 0 };

/** Asks the main thread whether requests may run. */
export class RemoteLimiter implements AccountLimiter {
  readonly #port: MainPort;
  readonly #subjects: SubjectNumbers;

  constructor(port: MainPort) {
    this.#port = port;
    this.#subjects = new SubjectNumbers(port);
  }

  admit(
    { subjects }: Pick<Principal, "subjects">,
    { isFree = false }: { isFree?: boolean } = {},
  ): RequestAdmission {
    return new RemoteAdmission(this.#port, { subjects, numbers: this.#subjects, isFree });
  }

  check(
    { subjects }: Pick<Principal, "subjects">,
    { isFree }: { isFree: boolean },
  ): Promise<void> | undefined {
    if (!this.#subjects.areLimited(subjects)) return undefined;
    return this.#port.call("checkLimits", this.#subjects.of(subjects), isFree);
  }

  countPage(
    { subjects }: Pick<Principal, "subjects">,
    { mayExceed }: { mayExceed: boolean },
  ): Promise<void> | undefined {
    if (subjects.length === 0) return undefined;
    const number = this.#subjects.of(subjects);
    if (this.#subjects.areLimited(subjects)) return this.#port.call("countPage", number, mayExceed);
    this.#port.sendLater("countPage", number, mayExceed);
    return undefined;
  }
}

/** Numbers the subjects of principals, so that a message need not contain their rules. */
class SubjectNumbers {
  readonly #port: MainPort;
  readonly #limited = new WeakMap<readonly Subject[], boolean>();
  #numbers = new WeakMap<readonly Subject[], number>();
  #count = 0;

  constructor(port: MainPort) {
    this.#port = port;
  }

  /** Whether a limit can reject a request of these subjects. */
  areLimited(subjects: readonly Subject[]): boolean {
    let areLimited = this.#limited.get(subjects);
    if (areLimited === undefined) {
      areLimited = subjects.some(({ rules }) => isLimited(rules));
      this.#limited.set(subjects, areLimited);
    }
    return areLimited;
  }

  of(subjects: readonly Subject[]): number {
    const known = this.#numbers.get(subjects);
    if (known !== undefined) return known;
    if (this.#count >= MAX_SUBJECTS) {
      this.#numbers = new WeakMap();
      this.#count = 0;
      this.#port.send("forgetSubjects");
    }
    const number = this.#count++;
    this.#numbers.set(subjects, number);
    this.#port.send("defineSubjects", number, subjects);
    return number;
  }
}

/** The admission of one request. Nothing counts before {@link share}. */
class RemoteAdmission implements RequestAdmission {
  readonly #port: MainPort;
  readonly #subjects: readonly Subject[];
  readonly #numbers: SubjectNumbers;
  readonly #isFree: boolean;
  #models: readonly string[] = [];
  #reservation: Reservation | undefined;
  /** The id of the exchange. `undefined` until the request was counted. */
  #id: string | undefined;
  #isRejected = false;
  #isSettled = false;

  constructor(
    port: MainPort,
    { subjects, numbers, isFree }: {
      readonly subjects: readonly Subject[];
      readonly numbers: SubjectNumbers;
      readonly isFree: boolean;
    },
  ) {
    this.#port = port;
    this.#subjects = subjects;
    this.#numbers = numbers;
    this.#isFree = isFree;
  }

  countModels(models: readonly string[]): void {
    this.#models = [...this.#models, ...models];
  }

  reserve(reservation: Reservation): void {
    this.#reservation = reservation;
  }

  share(exchange: () => TakenExchange): Promise<void> | undefined {
    const opened = exchange();
    this.#id = opened.requestId;
    const take = {
      id: opened.requestId,
      subjects: this.#numbers.of(this.#subjects),
      isFree: this.#isFree,
      models: this.#models,
      reservation: this.#reservation,
      exchange: toJson(opened),
    };
    if (this.#numbers.areLimited(this.#subjects)) {
      return this.#port.call("take", take).catch((error) => {
        this.#isRejected = true;
        throw error;
      });
    }
    this.#port.sendLater("take", take);
    return undefined;
  }

  reserveMore(reservation: Reservation): void {
    if (this.#id !== undefined) this.#port.send("reserveMore", this.#id, reservation);
  }

  withdraw(): void {
    this.settle({ tokens: undefined, micros: undefined });
  }

  handOver(): Held {
    const { tokens, micros } = this.#reservation ?? NOTHING;
    const modelRules = this.#subjects.flatMap(({ key, rules }) =>
      limitsOfModels(rules.modelLimits ?? [], this.#models).map(({ model }) => modelRuleKey(key, model))
    );
    if (this.#id !== undefined) this.#port.send("handOver", this.#id);
    return { keys: [...this.#subjects.map(({ key }) => key), ...modelRules], modelRules, tokens, micros };
  }

  settle({ tokens = 0, micros = 0 }: { tokens: number | undefined; micros: number | undefined }): undefined {
    if (this.#isSettled || this.#isRejected) return;
    this.#isSettled = true;
    if (this.#id === undefined) this.#port.send("countRequest", this.#numbers.of(this.#subjects));
    else if (this.#numbers.areLimited(this.#subjects)) {
      this.#port.send("settle", this.#id, { tokens, micros });
    } // No request waits for it.
    else this.#port.sendLater("settle", this.#id, { tokens, micros });
  }
}

const LIMITS: Readonly<Record<keyof Limits, true>> = {
  requestsPerMinute: true,
  tokensPerMinute: true,
  concurrentRequests: true,
  dayBudgetMicros: true,
  weekBudgetMicros: true,
  monthBudgetMicros: true,
  totalBudgetMicros: true,
};
/** Whether rules can reject a request because of earlier ones. */
function isLimited(rules: Rules): boolean {
  if (rules.maxRequests !== undefined || (rules.modelLimits?.length ?? 0) > 0) return true;
  // The keys are those of a constant that is written out above.
  return (Object.keys(LIMITS) as (keyof Limits)[]).some((limit) => rules[limit] !== undefined);
}
