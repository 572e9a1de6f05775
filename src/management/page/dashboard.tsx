/** What was used, by whom, at what cost; what is left; and how the backends are. */

import { useState } from "preact/hooks";
import { get, type Listed, type UsageRow } from "./api.ts";
import { Backends, Budgets } from "./budgets.tsx";
import { Chart } from "./chart.tsx";
import { change, count, duration, money, UNKNOWN } from "./format.ts";
import { type PeriodName, periodOf, PERIODS } from "./period.ts";
import { Choice, Empty, Shown } from "./pieces.tsx";
import { Table } from "./table.tsx";
import {
  firstByteSeries,
  type Group,
  GROUPS,
  type Metric,
  METRIC_NAMES,
  METRICS,
  namesOf,
  seriesOf,
  tokensOf,
} from "./usage_series.ts";
import { useLoad } from "./use_load.ts";

const EVERY_MS = 30_000;

/** What is looked at. */
interface Choices {
  readonly name: PeriodName;
  readonly metric: Metric;
  readonly group: Group;
}

/** It stands in the address, `#dashboard?7&cost&model`: who goes back, reloads or shares it finds it again. */
function choiceInAddress(): Choices {
  const [name, metric, group] = (location.hash.split("?")[1] ?? "").split("&");
  return {
    name: PERIODS.find(([key]) => key === name)?.[0] ?? "7",
    metric: METRIC_NAMES.find((key) => key === metric) ?? "cost",
    group: GROUPS.find(([key]) => key === group)?.[0] ?? "model",
  };
}

export function Dashboard() {
  const [{ name, metric, group }, setChoice] = useState(choiceInAddress);
  const choose = (change: Partial<Choices>) => {
    const next = { name, metric, group, ...change };
    history.replaceState(null, "", `#dashboard?${next.name}&${next.metric}&${next.group}`);
    setChoice(next);
  };
  const isTime = metric === "first_byte";
  const used = useLoad(
    async (signal) => {
      const period = periodOf(name, Date.now());
      const usage = async (query: string) => (await get<Listed<UsageRow>>(`/usage?${query}`, signal)).data;
      const split = isTime ? "" : `&split=${group}`;
      const [[now], [before], rows, times] = await Promise.all([
        usage(period.query),
        usage(period.queryBefore),
        usage(`group=${group}&${period.query}`),
        usage(`group=${period.group}${split}&${period.query}`),
      ]);
      return { period, now, before, rows, times, group };
    },
    `${name} ${group} ${isTime}`,
    EVERY_MS,
  );
  return (
    <>
      <h1>Dashboard</h1>
      <Choice label="Period" options={PERIODS} value={name} onChange={(next) => choose({ name: next })} />
      <Shown of={used}>
        {({ period, now, before, rows, times, group: shown }) => (
          <>
            <Totals now={now} before={before} />
            <section>
              <h2>Over time</h2>
              <div class="row">
                <Choice
                  label="What is shown"
                  options={METRIC_NAMES.map((key) => [key, METRICS[key][0]] as const)}
                  value={metric}
                  onChange={(next) => choose({ metric: next })}
                />
                <Choice
                  label="Grouped by"
                  options={GROUPS}
                  value={group}
                  onChange={(next) => choose({ group: next })}
                />
              </div>
              <OverTime
                keys={period.keys}
                rows={times}
                group={shown}
                metric={metric}
              />
              <UsageTable rows={rows} group={shown} />
            </section>
          </>
        )}
      </Shown>
      <Budgets />
      <Backends />
    </>
  );
}

function OverTime({ keys, rows, group, metric }: {
  keys: readonly string[];
  rows: readonly UsageRow[];
  group: Group;
  metric: Metric;
}) {
  const [title, , format] = METRICS[metric];
  const isTime = metric === "first_byte";
  const series = isTime ? firstByteSeries(keys, rows) : seriesOf(keys, rows, { group, metric });
  if (!series.some(({ values }) => values.some((value) => value))) {
    return <Empty>{title}: nothing in this period.</Empty>;
  }
  return (
    <Chart
      label={`${title} over time`}
      times={keys}
      series={series}
      stacked={!isTime}
      format={format}
    />
  );
}

function Totals({ now, before }: { now: UsageRow | undefined; before: UsageRow | undefined }) {
  const tile = (
    title: string,
    read: (row: UsageRow) => number | null,
    format: (value: number | null) => string,
  ) => {
    const value = now === undefined ? null : read(now);
    const earlier = before === undefined ? null : read(before);
    const difference = value === null || earlier === null ? "" : change(value, earlier);
    return (
      <div class="tile" key={title}>
        <dt>{title}</dt>
        <dd>
          <strong>{format(value)}</strong>
          <small title="in the same time before this period">
            {difference && `${difference}, `}before {format(earlier)}
          </small>
        </dd>
      </div>
    );
  };
  return (
    <section>
      <h2 class="unseen">In all</h2>
      <dl class="tiles">
        {tile("Requests", (row) => row.requests, count)}
        {tile("Tokens", tokensOf, count)}
        {tile("Cost", (row) => row.cost_micros, money)}
        {tile("Errors", (row) => row.errors, count)}
        {tile("First byte, median", (row) => row.time_to_first_byte_p50_ms ?? null, duration)}
        {tile("First byte, 95 %", (row) => row.time_to_first_byte_p95_ms ?? null, duration)}
      </dl>
      {now !== undefined && now.unpriced_requests > 0 && (
        <p class="help">
          {count(now.unpriced_requests)}{" "}
          requests had tokens whose price is not known: they are neither in the cost nor in budgets. Prices
          can be set in the configuration (price_provider, prices).
        </p>
      )}
      {now !== undefined && now.unmetered_requests > 0 && (
        <p class="help">
          {count(now.unmetered_requests)}{" "}
          answers did not tell their tokens. Where those are OpenAI's streams, stream_usage in the
          configuration asks for them.
        </p>
      )}
    </section>
  );
}

function UsageTable({ rows, group }: { rows: readonly UsageRow[]; group: Group }) {
  const name = namesOf(rows, group);
  // What nobody told is not nothing.
  const told = (row: UsageRow, value: number) =>
    value === 0 && row.unmetered_requests > 0 ? UNKNOWN : count(value);
  return (
    <Table
      label={`Usage by ${group}`}
      rows={rows}
      id={(row) => String(row[group])}
      text={name}
      empty="Nobody has asked for anything in this period."
      columns={[
        {
          title: GROUPS.find(([key]) => key === group)?.[1] ?? "",
          cell: name,
          by: name,
        },
        { title: "Requests", cell: (row) => count(row.requests), by: (row) => row.requests, isNumber: true },
        { title: "Errors", cell: (row) => count(row.errors), by: (row) => row.errors, isNumber: true },
        {
          title: "In",
          cell: (row) => told(row, row.input_tokens),
          by: (row) => row.input_tokens,
          isNumber: true,
        },
        {
          title: "Out",
          cell: (row) => told(row, row.output_tokens),
          by: (row) => row.output_tokens,
          isNumber: true,
        },
        {
          title: "Cost",
          cell: (row) =>
            row.cost_micros === 0 && row.unpriced_requests + row.unmetered_requests > 0
              ? UNKNOWN
              : money(row.cost_micros),
          by: (row) => row.cost_micros,
          isNumber: true,
        },
        {
          title: "First byte",
          cell: (row) => duration(row.time_to_first_byte_p50_ms),
          by: (row) => row.time_to_first_byte_p50_ms ?? 0,
          isNumber: true,
        },
      ]}
    />
  );
}
