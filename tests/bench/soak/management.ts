/** The management API as the soak uses it: every request on a connection of its own, so that none is left. */

import { rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

export class Management {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** What it answers, as JSON; fails unless that is a success. */
  async ask(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const answer = await this.#ask(`${method} /manage${path}`, text);
    const value: unknown = answer === "" ? {} : JSON.parse(answer);
    if (typeof value !== "object" || value === null) throw new TypeError(`${method} ${path}: no object`);
    return { ...value };
  }

  /** Exchanges that have ended, by the metrics. */
  async exchangesCounted(): Promise<number> {
    const text = await this.#ask("GET /metrics", "");
    const values = text.matchAll(/^llm_proxy_exchanges_total\{[^}]*\} (\d+)$/gm);
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Exchanges that have an account open. */
  async inFlight(): Promise<number> {
    return Number((await this.ask("GET", "/health"))["in_flight"]);
  }

  async #ask(line: string, body: string): Promise<string> {
    const answer = await rawRequest(this.#url, [
      `${line} HTTP/1.1`,
      `Authorization: Bearer ${SECRETS.managementToken}`,
      ...(body === "" ? [] : ["Content-Type: application/json", `Content-Length: ${body.length}`]),
    ], body);
    if (answer.status >= 300) throw new Error(`${line}: ${answer.status} ${answer.text}`);
    return answer.text;
  }
}
