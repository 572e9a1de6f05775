/** The page "Requests": running requests and earlier ones, live. */

import { useState } from "preact/hooks";
import { type Exchange, get, getAll, type Listed, type Token } from "./api.ts";
import { Button, Input } from "./controls.tsx";
import { ExchangeDetail } from "./exchange_detail.tsx";
import { rowKey, type RunningExchange } from "./exchange_log.ts";
import { bytes, count, duration, money, timeOrDay, UNKNOWN } from "./format.ts";
import { ErrorMessage } from "./load_view.tsx";
import { StateBadge } from "./state_badge.tsx";
import { type Column, numberColumn, Table } from "./table.tsx";
import { type Exchanges, useExchanges } from "./use_exchanges.ts";
import { useLoad } from "./use_load.ts";
import { useSubmit } from "./use_submit.ts";

type Row = RunningExchange | Exchange;

/** Lists requests, the newest first, and adds new ones as they happen. */
export function Requests() {
  const names = useLoad(
    async (signal) => new Map((await getAll<Token>("/tokens", signal)).map(({ id, name }) => [id, name])),
    "",
    60_000,
  );
  const exchanges = useExchanges();
  const { shown, error } = exchanges;
  const [opened, setOpened] = useState<Exchange>();
  const tokenNameOf = ({ token_id, principal }: Pick<Exchange, "token_id" | "principal">) =>
    (token_id !== null && names.value?.get(token_id)) || principal;
  return (
    <>
      <Title {...exchanges} />
      {error && <ErrorMessage error={error} retry={exchanges.catchUp} />}
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
            ...COLUMNS,
          ]}
        />
      )}
      {exchanges.hasOlder && <Button onClick={exchanges.loadOlder}>Load older requests</Button>}
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

/** The columns after the token name. */
const COLUMNS: readonly Column<Row>[] = [
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
  numberColumn("Duration", durationOf, duration),
  numberColumn("Tokens", tokensOf, count),
  {
    ...numberColumn<Row>("Cost", (one) => endedOf(one)?.cost_micros, money),
    cell: (one) => endedOf(one)?.settlement === "awaited" ? "pending" : money(endedOf(one)?.cost_micros),
  },
  numberColumn("Response", (one) => one.bytes, bytes),
];

function Title({ isPaused, isConnected, runningCount, pause }: Exchanges) {
  return (
    <div class="row">
      <h1>Requests</h1>
      <span role="status" class="help">
        {isPaused ? "Paused" : isConnected ? `${count(runningCount)} running` : "Disconnected, reconnecting…"}
      </span>
      <Button aria-pressed={isPaused} onClick={pause}>{isPaused ? "Resume" : "Pause"}</Button>
    </div>
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

/** Input and output tokens; `null` if they are unknown. */
function tokensOf(one: RunningExchange | Exchange): number | null {
  const { input_tokens: input = null, output_tokens: output = null } = endedOf(one) ?? {};
  return input === null && output === null ? null : (input ?? 0) + (output ?? 0);
}
