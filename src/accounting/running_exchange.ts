/** An exchange that is running, as the management API shows it. */
export interface RunningExchange {
  readonly requestId: string;
  /** The start of the exchange, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly endpoint: string | undefined;
  readonly principal: string;
  readonly tokenId: string | undefined;
  readonly projectId: string | undefined;
  /** The family of the client program, by its user agent. */
  readonly client: string;
  readonly modelAsked: string | undefined;
  readonly stream: boolean | undefined;
  /** The backend that responded. `undefined` until the headers of its response have arrived. */
  readonly backend: string | undefined;
  /** The bytes of the response's body that have passed so far. */
  readonly bytes: number;
}
