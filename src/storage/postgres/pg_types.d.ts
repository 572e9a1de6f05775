/**
 * The part of the package `pg` that this folder uses. Its own types are another package, with those of Node.
 */

/** How a client connects to a server. Times are milliseconds. */
export interface ClientConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** An empty text, not `undefined`: without a password the driver reads files of the user. */
  readonly password: string;
  readonly ssl: false | {
    readonly rejectUnauthorized?: boolean;
    readonly ca?: string;
    readonly servername?: string;
    readonly checkServerIdentity?: () => undefined;
  };
  readonly application_name: string;
  readonly keepAlive: boolean;
  readonly connectionTimeoutMillis: number;
  /** When the client gives up a query, in milliseconds. */
  readonly query_timeout: number;
  readonly types: { readonly getTypeParser: (oid: number, format?: string) => (value: never) => unknown };
}

/** A query with its values. */
export interface QueryConfig {
  readonly text: string;
  readonly values?: unknown[];
  readonly query_timeout?: number;
}

/** What the server answered to a query. */
export interface QueryResult {
  readonly rows: Record<string, unknown>[];
  readonly rowCount: number | null;
}

/** The messages of a connection, below the queries. */
export interface Connection {
  /** The stream. Another one after `sslconnect`. */
  readonly stream: {
    on(event: "data", listener: (chunk: Uint8Array) => void): unknown;
    destroy(reason?: Error): unknown;
  };
  on(event: "connect" | "sslconnect" | "message" | "readyForQuery", listener: () => void): unknown;
}

/** A connection to a server. Its methods reject with errors of the driver or of the server. */
export class Client {
  constructor(config: ClientConfig);
  /** The id of the process of the server, as the server or a pooler names it. */
  readonly processID: number | null;
  connect(): Promise<void>;
  query(query: QueryConfig): Promise<QueryResult>;
  /** Ends the connection. Calls `done` when it is closed, or gives a promise. */
  end(): Promise<void>;
  end(done: () => void): void;
  readonly connection: Connection;
  on(event: "error", listener: (error: Error) => void): this;
  on(event: "end", listener: () => void): this;
  on(
    event: "notification",
    listener: (message: { readonly channel: string; readonly payload?: string }) => void,
  ): this;
}

/** A connection that a pool has lent, until it is given back. */
export interface PoolClient extends Client {
  /** Gives the connection back, or closes it. */
  release(isBroken?: boolean): void;
}

/** How a pool connects, and how many connections it has. */
export interface PoolConfig extends ClientConfig {
  readonly max: number;
  readonly idleTimeoutMillis: number;
  /** The class of the connections. */
  readonly Client: typeof Client;
}

/** A pool of connections, which makes them when they are needed. */
export class Pool {
  constructor(config: PoolConfig);
  connect(): Promise<PoolClient>;
  end(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): this;
  on(event: "connect", listener: (client: PoolClient) => void): this;
}

/** The parsers of the driver, by the number of the type. */
export const types: {
  getTypeParser(oid: number, format?: string): (value: never) => unknown;
};

/** The module of the driver, which is CommonJS. */
declare const pg: {
  readonly Client: typeof Client;
  readonly Pool: typeof Pool;
  readonly types: typeof types;
};
export default pg;
