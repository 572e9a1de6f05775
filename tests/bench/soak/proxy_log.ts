/**
 * What the proxy writes, checked line by line as it comes: what comes by the thousand is not kept as text.
 */

import { assertNoSecrets } from "../../support/data/secrets.ts";
import { partsOf } from "./kinds.ts";

/** An exchange as the access log tells it. */
export interface LoggedExchange {
  readonly id: string;
  readonly status: number;
  readonly ending: string;
  /** Undefined: nobody's. */
  readonly principal: string | undefined;
}

type Line = Readonly<Record<string, unknown>>;

/** Taken, for those who wait for one; they come in numbers. */
const TAKEN: ReadonlySet<unknown> = new Set([
  "probe",
  "reloaded",
  "fault",
  "failover",
  "retry",
  "resent",
  "backend_failing",
  "backend_rate_limited",
  "backend_recovered",
]);
/** Kept, as what a start and an end are made of. All else is a problem. */
const KEPT: ReadonlySet<unknown> = new Set(["started", "key_file_made", "draining", "stopped"]);

export class ProxyLog {
  /** By the exchange's number; other paths are not asked for. */
  readonly exchanges = new Map<number, LoggedExchange>();
  readonly problems: string[] = [];
  readonly #waiting = new Map<unknown, (line: Line) => void>();

  /** The next line of an event. */
  next(event: "probe" | "reloaded"): Promise<Line> {
    return new Promise((resolve) => this.#waiting.set(event, resolve));
  }

  /** Looks at a line; false where it is to be kept. */
  take(text: string): boolean {
    try {
      assertNoSecrets(text, "a line of the log");
    } catch (error) {
      this.problems.push(String(error));
    }
    if (text.includes("llmp_")) this.problems.push("the log holds a managed token");
    const line = parsed(text);
    const { event } = line;
    if (event === "exchange") this.#note(line);
    else if (!TAKEN.has(event)) {
      if (!KEPT.has(event)) this.problems.push(`the proxy said: ${text.slice(0, 500)}`);
      return false;
    }
    this.#waiting.get(event)?.(line);
    this.#waiting.delete(event);
    return true;
  }

  #note(line: Line): void {
    const { serial } = partsOf(String(line["path"]));
    if (this.exchanges.has(serial)) this.problems.push(`exchange ${serial} is logged twice`);
    const { principal } = line;
    this.exchanges.set(serial, {
      id: String(line["id"]),
      status: Number(line["status"]),
      ending: String(line["ending"]),
      principal: typeof principal === "string" ? principal : undefined,
    });
  }
}

function parsed(text: string): Line {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
