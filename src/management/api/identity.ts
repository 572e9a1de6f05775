/** Who makes a request, and whether they still may while a stream of the response is open. */

import type { Actor } from "../../people/actor.ts";
import { StoreError } from "../../storage/store.ts";
import type { Clock } from "../../time/clock.ts";

/** How often an open stream checks that its reader still may read it, in milliseconds. */
export const STREAM_CHECK_MS = 15_000;

/** The actor of a request, and how to ask for the actor again. */
export interface Identity {
  readonly actor: Actor;
  /** The actor as they are now; `undefined` if the session has ended or the token was revoked. */
  readonly again: () => Promise<Actor | undefined>;
  /** Whether the session has been without activity for too long, as far as this process knows. */
  readonly isIdle?: () => boolean;
  /** Calls a function if this process ends the session. Returns the function that stops this. */
  readonly onEnd?: (ended: () => void) => () => void;
}

/** The identity of an actor who stays the same. */
export function lasting(actor: Actor): Identity {
  return { actor, again: () => Promise.resolve(actor) };
}

/** Ends a stream when its reader may do less, or something else, than when it began. */
export function whileAllowed(
  body: ReadableStream<Uint8Array>,
  { identity: { actor, again, isIdle = () => false, onEnd = () => () => {} }, clock, onUnexpected }: {
    identity: Identity;
    clock: Clock;
    onUnexpected: (error: unknown) => void;
  },
): ReadableStream<Uint8Array> {
  let stopTimer = (): void => {};
  let stopListening = (): void => {};
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    stopTimer();
    stopListening();
  };
  return body.pipeThrough(
    new TransformStream({
      start(controller) {
        const end = (): void => {
          if (isOver) return;
          stop();
          controller.terminate();
        };
        const check = async (): Promise<void> => {
          const isSame = await isUnchanged(actor, again).catch((error) => {
            onUnexpected(error);
            return false;
          });
          if (!isSame) return end();
          // The stream can have ended during the check.
          if (!isOver) stopTimer = clock.after(STREAM_CHECK_MS, check);
        };
        stopListening = onEnd(end);
        stopTimer = clock.after(STREAM_CHECK_MS, check);
      },
      transform(chunk, controller) {
        if (!isIdle()) return controller.enqueue(chunk);
        stop();
        controller.terminate();
      },
      flush: stop,
      cancel: stop,
    }),
  );
}

/** Whether an actor may still do the same. While the database fails, they may. */
async function isUnchanged(before: Actor, again: Identity["again"]): Promise<boolean> {
  try {
    const now = await again();
    return now !== undefined && now.role === before.role &&
      JSON.stringify(now.projects) === JSON.stringify(before.projects);
  } catch (error) {
    if (error instanceof StoreError) return true;
    throw error;
  }
}
