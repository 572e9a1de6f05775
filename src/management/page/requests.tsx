/** The page "Requests": running requests and earlier ones, live. */

import { useEffect, useRef, useState } from "preact/hooks";
import { API, type Exchange, get, getAll, type Listed, type Token } from "./api.ts";
import { Input } from "./controls.tsx";
import { ExchangeDetail } from "./exchange_detail.tsx";
import { ExchangeLog, rowKey, type RunningExchange } from "./exchange_log.ts";
import { bytes, count, duration, money, timeOrDay, UNKNOWN } from "./format.ts";
import { ErrorMessage } from "./load_view.tsx";
import { readSession, waitForSignIn } from "./session.ts";
import { StateBadge } from "./state_badge.tsx";
import { Table } from "./table.tsx";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

/** Requests that one call loads. */
const BATCH = 50;
/** Batches that are loaded after a reconnect, to close the gap to the requests in the list. */
const MAX_BATCHES = 10;
const RECONNECT_MS = 3_000;

/** Lists requests, the newest first, and adds new ones as they happen. */
export function Requests() {
  const names = useLoad(
    async (signal) => new Map((await getAll<Token>("/tokens", signal)).map(({ id, name }) => [id, name])),
    "",
    60_000,
  );
  const log = useRef(new ExchangeLog()).current;
  const [shown, setShown] = useState<readonly (RunningExchange | Exchange)[]>();
  const [cursor, setCursor] = useState<string | null>(null);
  const [error, setError] = useState<Error>();
  const [isConnected, setConnected] = useState(true);
  const [isPaused, setPaused] = useState(false);
  const [opened, setOpened] = useState<Exchange>();
  const paused = useRef(false);
  const update = () => paused.current || setShown(log.list());
  const loadBatch = async (after: string | null) => {
    const batch = await get<Listed<Exchange>>(
      `/exchanges?limit=${BATCH}${after === null ? "" : `&cursor=${after}`}`,
    );
    const overlaps = batch.data.some((one) => log.has(one));
    log.addEnded(batch.data);
    return { overlaps, next: batch.next_cursor };
  };
  const withErrorShown = async (load: () => Promise<void>) => {
    try {
      await load();
      setError(undefined);
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    update();
  };
  /** Loads the requests since the newest in the list. If the gap is too long, the list starts again. */
  const catchUp = () =>
    withErrorShown(async () => {
      const isFirst = log.list().length === 0;
      let { overlaps, next } = await loadBatch(null);
      for (let batch = 1; !isFirst && !overlaps && next !== null; batch++) {
        if (batch === MAX_BATCHES) {
          log.clearEnded();
          setCursor((await loadBatch(null)).next);
          return;
        }
        ({ overlaps, next } = await loadBatch(next));
      }
      if (isFirst) setCursor(next);
    });
  const loadOlder = () => withErrorShown(async () => setCursor((await loadBatch(cursor)).next));

  useEffect(() => {
    let events: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const disconnect = () => {
      clearTimeout(timer);
      events?.close();
    };
    const connect = () => {
      disconnect();
      // Browsers open few connections to one host. A hidden page uses none of them.
      if (document.hidden) return;
      events = new EventSource(`${API}/exchanges/live`);
      events.onopen = () => {
        setConnected(true);
        catchUp();
      };
      events.onerror = async () => {
        setConnected(false);
        disconnect();
        // Either the network failed, or the session has ended.
        const isIn = await readSession().catch(() => true);
        if (!isIn) await waitForSignIn();
        timer = setTimeout(connect, RECONNECT_MS);
      };
      const on = <Data,>(name: string, listener: (data: Data) => void) =>
        events?.addEventListener(name, ({ data }) => {
          listener(JSON.parse(data));
          update();
        });
      on<RunningExchange[]>("running", (all) => log.setRunning(all));
      on<RunningExchange>("started", (one) => log.addRunning(one));
      on<Exchange>("ended", (one) => log.addEnded([one]));
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
    update();
  };
  const tokenNameOf = ({ token_id, principal }: Pick<Exchange, "token_id" | "principal">) =>
    (token_id !== null && names.value?.get(token_id)) || principal;
  return (
    <>
      <div class="row">
        <h1>Requests</h1>
        <span role="status" class="help">
          {isPaused
            ? "Paused"
            : isConnected
            ? `${count(log.runningCount)} running`
            : "Disconnected, reconnecting…"}
        </span>
        <button type="button" aria-pressed={isPaused} onClick={pause}>{isPaused ? "Resume" : "Pause"}</button>
      </div>
      {error && <ErrorMessage error={error} retry={catchUp} />}
      <FindById onFound={setOpened} />
      {shown === undefined ? !error && <p class="loading" role="status">Loading…</p> : (
        <Table
          label="Requests"
          rows={shown}
          id={rowKey}
          searchText={(one) => `${tokenNameOf(one)} ${Object.values(one).join(" ")}`}
          empty="No requests yet. New requests appear here at once."
          onOpen={(one) => "status" in one && setOpened(one)}
          isRunning={(one) => !("status" in one)}
          columns={[
            { title: "Started", cell: ({ started_at }) => timeOrDay(started_at) },
            { title: "Token name", cell: tokenNameOf, sortBy: tokenNameOf },
            { title: "Model", cell: (one) => endedOf(one)?.model_answered ?? one.model_asked ?? UNKNOWN },
            {
              title: "Endpoint",
              cell: ({ endpoint, backend }) => [endpoint ?? UNKNOWN, backend].filter(Boolean).join(" → "),
            },
            { title: "Status", cell: (one) => <Status exchange={endedOf(one)} /> },
            {
              title: "First byte",
              cell: (one) => duration(endedOf(one)?.time_to_first_byte_ms),
              isNumber: true,
            },
            {
              title: "Duration",
              cell: (one) => duration(durationOf(one)),
              sortBy: durationOf,
              isNumber: true,
            },
            {
              title: "Tokens",
              cell: (one) => count(tokensOf(one)),
              sortBy: (one) => tokensOf(one) ?? 0,
              isNumber: true,
            },
            {
              title: "Cost",
              cell: (one) =>
                endedOf(one)?.settlement === "awaited" ? "pending" : money(endedOf(one)?.cost_micros),
              sortBy: (one) => endedOf(one)?.cost_micros ?? 0,
              isNumber: true,
            },
            {
              title: "Response",
              cell: (one) => bytes(one.bytes),
              sortBy: (one) => one.bytes,
              isNumber: true,
            },
          ]}
        />
      )}
      {cursor !== null && <button type="button" onClick={loadOlder}>Load older requests</button>}
      {opened && (
        <ExchangeDetail
          exchange={opened}
          tokenName={tokenNameOf(opened)}
          onClose={() => setOpened(undefined)}
        />
      )}
    </>
  );
}

/** Finds any recorded request by its id, which clients get in the header `x-request-id`. */
function FindById({ onFound }: { onFound: (exchange: Exchange) => void }) {
  const [id, setId] = useState("");
  const { busy, error, submit } = useSubmit(async () => {
    const query = `/exchanges?limit=10&request_id=${encodeURIComponent(id.trim())}`;
    const { data } = await get<Listed<Exchange>>(query);
    // Rows of the usage of created objects have the same request id.
    const found = data.find(({ settlement }) => settlement !== "settled") ?? data[0];
    if (found === undefined) throw new Error("No recorded request has this id.");
    return found;
  }, onFound);
  return (
    <form class="find" onSubmit={submit}>
      <Input label="Request id" required value={id} set={setId} />
      <button type="submit" disabled={busy}>Find</button>
      {error && <ErrorMessage error={error} />}
    </form>
  );
}

function Status({ exchange }: { exchange: Exchange | undefined }) {
  if (exchange === undefined) return <StateBadge state="running" />;
  if (exchange.settlement === "settled") return <>settled</>;
  const isBad = exchange.status >= 400 && exchange.status !== 499;
  return (
    <>
      <span class={isBad ? "bad" : undefined}>{exchange.status}</span>{" "}
      {exchange.ending !== "complete" && <StateBadge state={exchange.ending} />}
    </>
  );
}

/** The request if it has ended. */
function endedOf(one: RunningExchange | Exchange): Exchange | undefined {
  return "status" in one ? one : undefined;
}

/** The duration in milliseconds; until now for a running request. */
function durationOf(one: RunningExchange | Exchange): number {
  return endedOf(one)?.duration_ms ?? Math.max(0, Date.now() - Date.parse(one.started_at));
}

/** Input and output tokens. Null: unknown. */
function tokensOf(one: RunningExchange | Exchange): number | null {
  const { input_tokens: input = null, output_tokens: output = null } = endedOf(one) ?? {};
  return input === null && output === null ? null : (input ?? 0) + (output ?? 0);
}
