/** Creates tokens on one replica and revokes them on another, and looks when each replica rejects them. */

import { Management } from "../management.ts";
import { pause, type Requests } from "./clients.ts";
import type { SoakedReplica } from "./replicas.ts";

/** A revocation as one replica saw it. */
export interface Revocation {
  /** When the revocation was answered, by `performance.now`. */
  readonly at: number;
  readonly replica: number;
  /** How long after that the last request with the token began that was let in. `0` if none was. */
  readonly lateMs: number;
}

/** How long a revoked token is tried. */
const TRIED_MS = 5_000;
const TRY_MS = 50;
const BETWEEN_MS = 300;

/** Creates and revokes tokens of a project until the signal. */
export async function revokeTokens(
  { replicas, requests, project, signal }: {
    replicas: readonly SoakedReplica[];
    requests: Requests;
    project: string;
    signal: AbortSignal;
  },
): Promise<Revocation[]> {
  const revocations: Revocation[] = [];
  for (let turn = 0; !signal.aborted; turn++) {
    await pause(BETWEEN_MS, signal);
    const [maker, revoker] = [replicas[turn % replicas.length], replicas[(turn + 1) % replicas.length]];
    if (maker?.isUp !== true || revoker?.isUp !== true) continue;
    const name = `revoked ${turn}`;
    try {
      const made = await new Management(maker.url).ask("POST", "/tokens", { name, project_id: project });
      const value = String(made["token"]);
      const letIn = await everywhere(replicas, (replica) => isLetIn(requests, { name, value, replica }));
      await new Management(revoker.url).ask("DELETE", `/tokens/${made["id"]}`);
      const at = performance.now();
      const lates = await everywhere(
        replicas,
        (replica) => lastLetIn(requests, { name, value, replica, at }),
      );
      for (const [replica, lateMs] of lates.entries()) {
        if (letIn[replica] === true) revocations.push({ at, replica, lateMs });
      }
    } catch (error) {
      // The replica that was asked ended, or its database was away.
      if (signal.aborted || !(error instanceof Error)) throw error;
    }
  }
  return revocations;
}

function everywhere<Result>(
  replicas: readonly SoakedReplica[],
  act: (replica: number) => Promise<Result>,
): Promise<Result[]> {
  return Promise.all(replicas.map((_, index) => act(index)));
}

interface Tried {
  readonly name: string;
  readonly value: string;
  readonly replica: number;
}

/** Uses a token once. */
async function isLetIn(requests: Requests, { name, value, replica }: Tried): Promise<boolean> {
  return (await requests.send(name, value, replica))?.status === 200;
}

/** Uses a revoked token until it is rejected, and then once more. */
async function lastLetIn(
  requests: Requests,
  { name, value, replica, at }: Tried & { readonly at: number },
): Promise<number> {
  let lateMs = 0;
  let rejections = 0;
  const tries: Promise<void>[] = [];
  while (rejections < 2 && performance.now() - at < TRIED_MS) {
    const begun = performance.now();
    tries.push(
      requests.send(name, value, replica).then((seen) => {
        if (seen?.status === 401) rejections++;
        if (seen?.status === 200) lateMs = Math.max(lateMs, begun - at);
      }),
    );
    await pause(TRY_MS);
  }
  await Promise.all(tries);
  return lateMs;
}
