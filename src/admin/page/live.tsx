/** Exchanges as they happen, and those that were. */

import { useEffect, useRef, useState } from "preact/hooks";
import { API, type Exchange, get, getAll, type Listed, type Token } from "./api.ts";
import { bytes, count, duration, money, timeOfDay, UNKNOWN } from "./format.ts";
import { ExchangeDetail } from "./exchange_detail.tsx";
import { Failure, State } from "./pieces.tsx";
import { readSession } from "./session.ts";
import { Table } from "./table.tsx";
import { useLoad } from "./use_load.ts";

/** What is told of an exchange that runs. */
type Running = Pick<
  Exchange,
  | "request_id"
  | "started_at"
  | "endpoint"
  | "backend"
  | "principal"
  | "token_id"
  | "client"
  | "stream"
  | "model_asked"
  | "bytes"
>;

const MAX_SHOWN = 500;
const PART = 50;

export function Live() {
  const names = useLoad(
    async (signal) => new Map((await getAll<Token>("/tokens", signal)).map(({ id, name }) => [id, name])),
    "",
    60_000,
  );
  const [running, setRunning] = useState<readonly Running[]>([]);
  const [ended, setEnded] = useState<readonly Exchange[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [failure, setFailure] = useState<Error>();
  const [isConnected, setConnected] = useState(true);
  const [isPaused, setPaused] = useState(false);
  const [open, setOpen] = useState<Exchange>();
  const held = useRef<Exchange[]>([]);
  const paused = useRef(false);
  paused.current = isPaused;

  const add = (exchanges: readonly Exchange[]) =>
    setEnded((before) => {
      const known = new Set(before.map(({ request_id }) => request_id));
      return [...exchanges.filter(({ request_id }) => !known.has(request_id)), ...before].slice(0, MAX_SHOWN);
    });
  const readPart = async (after: string | null) => {
    try {
      const query = after === null ? "" : `&cursor=${after}`;
      const { data, next_cursor } = await get<Listed<Exchange>>(`/exchanges?limit=${PART}${query}`);
      setFailure(undefined);
      setCursor(next_cursor);
      if (after === null) add(data);
      else setEnded((before) => [...before, ...data]);
    } catch (error) {
      setFailure(error instanceof Error ? error : new Error(String(error)));
    }
  };

  useEffect(() => {
    let events: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const connect = () => {
      events = new EventSource(`${API}/exchanges/live`);
      events.onopen = () => {
        setConnected(true);
        readPart(null);
      };
      events.onerror = () => {
        setConnected(false);
        // It may be the network, or the session: whoever has to sign in is asked to.
        events?.close();
        readSession().catch(() => {});
        timer = setTimeout(connect, 3_000);
      };
      const on = <Data,>(name: string, listener: (data: Data) => void) =>
        events?.addEventListener(name, ({ data }) => listener(JSON.parse(data)));
      on<Running[]>("running", (all) => paused.current || setRunning(all));
      on<Running>("started", (one) => paused.current || setRunning((before) => [...before, one]));
      on<Exchange>("ended", (one) => {
        if (paused.current) return void held.current.unshift(one);
        setRunning((before) => before.filter(({ request_id }) => request_id !== one.request_id));
        add([one]);
      });
    };
    connect();
    return () => {
      clearTimeout(timer);
      events?.close();
    };
  }, []);
  const resume = () => {
    if (isPaused) add(held.current.splice(0));
    setPaused(!isPaused);
  };
  const who = ({ token_id, principal }: Pick<Exchange, "token_id" | "principal">) =>
    (token_id !== null && names.value?.get(token_id)) || principal;
  const shown: (Running | Exchange)[] = [...running.toReversed(), ...ended];
  return (
    <>
      <div class="row">
        <h1>Live</h1>
        <span role="status" class="help">
          {isPaused
            ? "Paused"
            : isConnected
            ? `${count(running.length)} running`
            : "Not connected, trying again"}
        </span>
        <button type="button" aria-pressed={isPaused} onClick={resume}>{isPaused ? "Go on" : "Pause"}</button>
      </div>
      {failure && <Failure error={failure} retry={() => readPart(null)} />}
      <Table
        label="Exchanges"
        rows={shown}
        id={({ request_id }) => request_id}
        text={(one) => `${who(one)} ${Object.values(one).join(" ")}`}
        empty="No requests yet. They show up here as they happen."
        onOpen={(one) => "status" in one && setOpen(one)}
        isRunning={(one) => !("status" in one)}
        columns={[
          { title: "Began", cell: ({ started_at }) => timeOfDay(started_at) },
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
            cell: (one) => money(endedOf(one)?.cost_micros),
            by: (one) => endedOf(one)?.cost_micros ?? 0,
            isNumber: true,
          },
          { title: "Answer", cell: (one) => bytes(one.bytes), by: (one) => one.bytes, isNumber: true },
        ]}
      />
      {cursor !== null && ended.length > 0 && (
        <button type="button" onClick={() => readPart(cursor)}>Show older ones</button>
      )}
      {open && <ExchangeDetail exchange={open} tokenName={who(open)} onClose={() => setOpen(undefined)} />}
    </>
  );
}

function Status({ of }: { of: Exchange | undefined }) {
  if (of === undefined) return <State of="running" />;
  return of.ending === "complete" ? <>{of.status}</> : (
    <>
      {of.status} <State of={of.ending} />
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
