/** A client that asks once, and leaves where it was told to. */

import { gather, headerOf, HttpReader, writeAll } from "../../support/clients/http_reader.ts";

/**
 * Where a client leaves: within its upload, after some time, or as soon as it has seen a text in the answer.
 */
export type Leaving =
  | { readonly at: "upload" }
  | { readonly at: "time"; readonly ms: number }
  | { readonly at: "text"; readonly text: string };

export interface Request {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly token: string;
  readonly body: string;
  readonly leaving: Leaving | undefined;
}

/** What a client saw. */
export interface Outcome {
  /** 0: it saw no head. */
  readonly status: number;
  readonly ended: "whole" | "left" | "cut";
  readonly text: string;
}

/** Asks on a connection of its own. */
export async function ask(url: string, request: Request): Promise<Outcome> {
  const { hostname, port } = new URL(url);
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname, port: Number(port) });
  } catch {
    return { status: 0, ended: "cut", text: "" };
  }
  let hasLeft = false;
  const leave = (): void => {
    hasLeft = true;
    close(connection);
  };
  const { leaving } = request;
  const timer = leaving?.at === "time" ? setTimeout(leave, leaving.ms) : undefined;
  let status = 0;
  let text = "";
  try {
    const body = new TextEncoder().encode(request.body);
    const head = [
      `${request.method} ${request.path} HTTP/1.1`,
      "Host: reconcile.test",
      `Authorization: Bearer ${request.token}`,
      "Content-Type: application/json",
      "Accept-Encoding: gzip, br",
      "Connection: close",
      ...(request.method === "POST" ? [`Content-Length: ${body.length}`] : []),
    ].join("\r\n");
    await writeAll(connection, `${head}\r\n\r\n`);
    await writeAll(connection, leaving?.at === "upload" ? body.subarray(0, body.length >> 1) : body);
    if (leaving?.at === "upload") {
      leave();
      return { status, ended: "left", text };
    }
    const reader = new HttpReader(connection);
    const answer = await reader.head();
    if (answer === null) return { status, ended: hasLeft ? "left" : "cut", text };
    status = Number(answer.startLine.split(" ")[1]);
    const isCoded = headerOf(answer.headers, "content-encoding") !== undefined;
    const pieces = reader.body(answer.headers, { untilClose: true });
    if (isCoded) await gather(pieces);
    else {
      const decoder = new TextDecoder();
      for await (const piece of pieces) {
        text += decoder.decode(piece, { stream: true });
        if (leaving?.at !== "text" || !text.includes(leaving.text)) continue;
        leave();
        return { status, ended: "left", text };
      }
    }
    return { status, ended: hasLeft ? "left" : "whole", text };
  } catch {
    return { status, ended: hasLeft ? "left" : "cut", text };
  } finally {
    clearTimeout(timer);
    if (!hasLeft) close(connection);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
