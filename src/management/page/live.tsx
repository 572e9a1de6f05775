/** Exchanges as they happen, and those that were. */

import { useEffect, useRef, useState } from "preact/hooks";
import { API, type Exchange, get, getAll, type Listed, type Token } from "./api.ts";
import { bytes, count, duration, money, timeOrDay, UNKNOWN } from "./format.ts";
import { Input } from "./controls.tsx";
import { ExchangeDetail } from "./exchange_detail.tsx";
import { ExchangeLog, rowKey, type Running } from "./exchange_log.ts";
import { Failure, State, useSubmit } from "./pieces.tsx";
import { readSession, signedInAgain } from "./session.ts";
import { Table } from "./table.tsx";
import { useLoad } from "./use_load.ts";

const PART = 50;
/** After a while without events so many parts are looked through for what is known. */
const MAX_PARTS = 10;
const RETRY_MS = 3_000;

export function Live() {
  const names = useLoad(
    async (signal) => new Map((await getAll<Token>("/tokens", signal)).map(({ id, name }) => [id, name])),
    "",
    60_000,
  );
  const log = useRef(new ExchangeLog()).current;
  const [shown, setShown] = useState<readonly (Running | Exchange)[]>();
  const [cursor, setCursor] = useState<string | null>(null);
  const [failure, setFailure] = useState<Error>();
  const [isConnected, setConnected] = useState(true);
  const [isPaused, setPaused] = useState(false);
  const [open, setOpen] = useState<Exchange>();
  const paused = useRef(false);
  const show = () => paused.current || setShown(log.list());
  const readPart = async (after: string | null) => {
    const part = await get<Listed<Exchange>>(
      `/exchanges?limit=${PART}${after === null ? "" : `&cursor=${after}`}`,
    );
    const isMet = part.data.some((one) => log.has(one));
    log.ended(part.data);
    return { isMet, next: part.next_cursor };
  };
  const guarded = async (read: () => Promise<void>) => {
    try {
      await read();
      setFailure(undefined);
    } catch (error) {
      setFailure(error instanceof Error ? error : new Error(String(error)));
    }
    show();
  };
  /** Everything since the last that is known; what cannot be joined to it begins anew. */
  const catchUp = () =>
    guarded(async () => {
      const isFirst = log.list().length === 0;
      let { isMet, next } = await readPart(null);
      for (let part = 1; !isFirst && !isMet && next !== null; part++) {
        if (part === MAX_PARTS) {
          log.clear();
          setCursor((await readPart(null)).next);
          return;
        }
        ({ isMet, next } = await readPart(next));
      }
      if (isFirst) setCursor(next);
    });
  const readOlder = () => guarded(async () => setCursor((await readPart(cursor)).next));

  useEffect(() => {
    let events: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const disconnect = () => {
      clearTimeout(timer);
      events?.close();
    };
    const connect = () => {
      disconnect();
      // Browsers have few connections to one host: a page that nobody sees keeps none.
      if (document.hidden) return;
      events = new EventSource(`${API}/exchanges/live`);
      events.onopen = () => {
        setConnected(true);
        catchUp();
      };
      events.onerror = async () => {
        setConnected(false);
        disconnect();
        // It may be the network, or the session: whoever has to sign in is asked to.
        const isIn = await readSession().catch(() => true);
        if (!isIn) await signedInAgain();
        timer = setTimeout(connect, RETRY_MS);
      };
      const on = <Data,>(name: string, listener: (data: Data) => void) =>
        events?.addEventListener(name, ({ data }) => {
          listener(JSON.parse(data));
          show();
        });
      on<Running[]>("running", (all) => log.running(all));
      on<Running>("started", (one) => log.started(one));
      on<Exchange>("ended", (one) => log.ended([one]));
    };
    connect();
    document.addEventListener("visibilitychange", connect);
    return () => {
      document.removeEventListener("visibilitychange", connect);
      disconnect();
      paused.current = true;
    };
  }, []);
  const pause = () => {
    paused.current = !isPaused;
    setPaused(!isPaused);
    show();
  };
  const who = ({ token_id, principal }: Pick<Exchange, "token_id" | "principal">) =>
    (token_id !== null && names.value?.get(token_id)) || principal;
  return (
    <>
      <div class="row">
        <h1>Live</h1>
        <span role="status" class="help">
          {isPaused
            ? "Paused"
            : isConnected
            ? `${count(log.runningCount)} running`
            : "Not connected, trying again"}
        </span>
        <button type="button" aria-pressed={isPaused} onClick={pause}>{isPaused ? "Go on" : "Pause"}</button>
      </div>
      {failure && <Failure error={failure} retry={catchUp} />}
      <Find onFound={setOpen} />
      {shown === undefined ? !failure && <p class="loading" role="status">Loading…</p> : (
        <Table
          label="Exchanges"
          rows={shown}
          id={rowKey}
          text={(one) => `${who(one)} ${Object.values(one).join(" ")}`}
          empty="No requests yet. They show up here as they happen."
          onOpen={(one) => "status" in one && setOpen(one)}
          isRunning={(one) => !("status" in one)}
          columns={[
            { title: "Began", cell: ({ started_at }) => timeOrDay(started_at) },
            { title: "Who", cell: who, by: who },
            { title: "Model", cell: (one) => endedOf(one)?.model_answered ?? one.model_asked ?? UNKNOWN },
            {
              title: "Endpoint",
              cell: ({ endpoint, backend }) => [endpoint ?? UNKNOWN, backend].filter(Boolean).join(" → "),
            },
            { title: "Status", cell: (one) => <Status of={endedOf(one)} /> },
            {
              title: "First byte",
              cell: (one) => duration(endedOf(one)?.time_to_first_byte_ms),
              isNumber: true,
            },
            { title: "Lasts", cell: (one) => duration(lengthOf(one)), by: lengthOf, isNumber: true },
            {
              title: "Tokens",
              cell: (one) => count(tokensOf(one)),
              by: (one) => tokensOf(one) ?? 0,
              isNumber: true,
            },
            {
              title: "Cost",
              cell: (one) =>
                endedOf(one)?.settlement === "awaited" ? "later" : money(endedOf(one)?.cost_micros),
              by: (one) => endedOf(one)?.cost_micros ?? 0,
              isNumber: true,
            },
            { title: "Answer", cell: (one) => bytes(one.bytes), by: (one) => one.bytes, isNumber: true },
          ]}
        />
      )}
      {cursor !== null && <button type="button" onClick={readOlder}>Show older ones</button>}
      {open && <ExchangeDetail exchange={open} tokenName={who(open)} onClose={() => setOpen(undefined)} />}
    </>
  );
}

/** By the id that clients see in `x-request-id`, also of exchanges that are not in the list. */
function Find({ onFound }: { onFound: (exchange: Exchange) => void }) {
  const [id, setId] = useState("");
  const { busy, error, submit } = useSubmit(async () => {
    const query = `/exchanges?limit=10&request_id=${encodeURIComponent(id.trim())}`;
    const { data } = await get<Listed<Exchange>>(query);
    // The request itself rather than what its object used.
    const found = data.find(({ settlement }) => settlement !== "settled") ?? data[0];
    if (found === undefined) throw new Error("No exchange that is kept has this id.");
    return found;
  }, onFound);
  return (
    <form class="find" onSubmit={submit}>
      <Input label="Request id" required value={id} set={setId} />
      <button type="submit" disabled={busy}>Find</button>
      {error && <Failure error={error} />}
    </form>
  );
}

function Status({ of }: { of: Exchange | undefined }) {
  if (of === undefined) return <State of="running" />;
  if (of.settlement === "settled") return <>settled later</>;
  const isBad = of.status >= 400 && of.status !== 499;
  return (
    <>
      <span class={isBad ? "bad" : undefined}>{of.status}</span>{" "}
      {of.ending !== "complete" && <State of={of.ending} />}
    </>
  );
}

function endedOf(one: Running | Exchange): Exchange | undefined {
  return "status" in one ? one : undefined;
}

/** So far, in milliseconds. */
function lengthOf(one: Running | Exchange): number {
  return endedOf(one)?.duration_ms ?? Math.max(0, Date.now() - Date.parse(one.started_at));
}

function tokensOf(one: Running | Exchange): number | null {
  const { input_tokens: input = null, output_tokens: output = null } = endedOf(one) ?? {};
  return input === null && output === null ? null : (input ?? 0) + (output ?? 0);
}
