/** The page "Dashboard": usage and cost, budgets, and the states of the backends. */

import { useState } from "preact/hooks";
import { get, type Listed, type UsageRow } from "./api.ts";
import { Backends } from "./backends.tsx";
import { Budgets } from "./budgets.tsx";
import { Chart } from "./chart.tsx";
import { ButtonGroup } from "./controls.tsx";
import { change, count, duration, money, UNKNOWN } from "./format.ts";
import { Empty, LoadView } from "./load_view.tsx";
import { useMe } from "./me.ts";
import { type PeriodName, periodOf, PERIODS } from "./period.ts";
import { type Column, numberColumn, Table } from "./table.tsx";
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

const REFRESH_MS = 30_000;

/** What the dashboard shows. */
interface View {
  readonly name: PeriodName;
  readonly metric: Metric;
  readonly group: Group;
}

/** Reads the view from the address, `#dashboard?7&cost&model`. So it survives a reload, and can be shared. */
function viewInAddress(): View {
  const [name, metric, group] = (location.hash.split("?")[1] ?? "").split("&");
  return {
    name: PERIODS.find(([key]) => key === name)?.[0] ?? "7",
    metric: METRIC_NAMES.find((key) => key === metric) ?? "cost",
    group: GROUPS.find(([key]) => key === group)?.[0] ?? "model",
  };
}

/** Shows the usage of a period by group, with the budgets and the backends. */
export function Dashboard() {
  const { role, views } = useMe();
  const [view, setView] = useState(viewInAddress);
  const changeView = (change: Partial<View>) => {
    const next = { ...view, ...change };
    history.replaceState(null, "", `#dashboard?${next.name}&${next.metric}&${next.group}`);
    setView(next);
  };
  const { name, metric, group } = view;
  const loaded = useLoad(
    (signal) => loadUsage(view, signal),
    `${name} ${group} ${metric === "first_byte"}`,
    REFRESH_MS,
  );
  return (
    <>
      <h1>{views.find(({ name }) => name === "dashboard")?.label}</h1>
      <ButtonGroup
        label="Period"
        options={PERIODS}
        value={name}
        onChange={(name) => changeView({ name })}
      />
      <LoadView loaded={loaded}>
        {({ period, now, before, rows, timeRows, group: shownGroup }) => (
          <>
            <Totals now={now} before={before} />
            <section>
              <h2>Usage over time</h2>
              <div class="row">
                <ButtonGroup
                  label="Metric"
                  options={METRIC_NAMES.map((key) => [key, METRICS[key][0]] as const)}
                  value={metric}
                  onChange={(metric) => changeView({ metric })}
                />
                <ButtonGroup
                  label="Group by"
                  options={GROUPS}
                  value={group}
                  onChange={(group) => changeView({ group })}
                />
              </div>
              <OverTime keys={period.keys} rows={timeRows} group={shownGroup} metric={metric} />
              <UsageTable rows={rows} group={shownGroup} />
            </section>
          </>
        )}
      </LoadView>
      <Budgets />
      {role === "admin" && <Backends />}
    </>
  );
}

/** Loads the totals of the period and of the one before, and the sums by group and over time. */
async function loadUsage({ name, metric, group }: View, signal: AbortSignal) {
  const period = periodOf(name, Date.now());
  const usage = async (query: string) => (await get<Listed<UsageRow>>(`/usage?${query}`, signal)).data;
  const split = metric === "first_byte" ? "" : `&split=${group}`;
  const [[now], [before], rows, timeRows] = await Promise.all([
    usage(period.query),
    usage(period.queryBefore),
    usage(`group=${group}&${period.query}`),
    usage(`group=${period.group}${split}&${period.query}`),
  ]);
  return { period, now, before, rows, timeRows, group };
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
    return <Empty>No data for this metric in the period.</Empty>;
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
  const { role } = useMe();
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
          <small title="in the period of the same length before this one">
            {difference ? `${difference} from` : "previously"} {format(earlier)}
          </small>
        </dd>
      </div>
    );
  };
  return (
    <section>
      <h2 class="unseen">Totals</h2>
      <dl class="tiles">
        {tile("Requests", (row) => row.requests, count)}
        {tile("Tokens", tokensOf, count)}
        {tile("Cost", (row) => row.cost_micros, money)}
        {tile("Errors", (row) => row.errors, count)}
        {tile("Time to first byte, p50", (row) => row.time_to_first_byte_p50_ms ?? null, duration)}
        {tile("Time to first byte, p95", (row) => row.time_to_first_byte_p95_ms ?? null, duration)}
      </dl>
      {now !== undefined && now.unpriced_requests > 0 && (
        <p class="help">
          Requests whose price is unknown or incomplete:{" "}
          {count(now.unpriced_requests)}. The cost and the budgets leave the unknown part out.
          {role === "admin" && " Set price_provider or prices in the configuration."}
        </p>
      )}
      {now !== undefined && now.unmetered_requests > 0 && (
        <p class="help">
          Responses without token usage: {count(now.unmetered_requests)}.
          {role === "admin" &&
            " If they are streams of an OpenAI API, set stream_usage in the configuration."}
        </p>
      )}
    </section>
  );
}

function UsageTable({ rows, group }: { rows: readonly UsageRow[]; group: Group }) {
  const name = namesOf(rows, group);
  return (
    <Table
      label={`Usage by ${group}`}
      rows={rows}
      id={(row) => String(row[group])}
      searchText={name}
      empty="No requests in this period."
      columns={[
        { title: GROUPS.find(([key]) => key === group)?.[1] ?? "", cell: name, sortBy: name },
        ...COLUMNS,
      ]}
    />
  );
}

/** The columns after the name of the group. */
const COLUMNS: readonly Column<UsageRow>[] = [
  numberColumn("Requests", (row) => row.requests, count),
  numberColumn("Errors", (row) => row.errors, count),
  tokenColumn("Input tokens", (row) => row.input_tokens),
  tokenColumn("Output tokens", (row) => row.output_tokens),
  {
    ...numberColumn<UsageRow>("Cost", (row) => row.cost_micros, money),
    cell: (row) =>
      row.cost_micros === 0 && row.unpriced_requests + row.unmetered_requests > 0
        ? UNKNOWN
        : money(row.cost_micros),
  },
  numberColumn("First byte, p50", (row) => row.time_to_first_byte_p50_ms, duration),
];

/** A sum of 0 tokens is unknown rather than 0 if some responses reported no usage. */
function tokenColumn(title: string, value: (row: UsageRow) => number): Column<UsageRow> {
  return {
    ...numberColumn(title, value, count),
    cell: (row) => value(row) === 0 && row.unmetered_requests > 0 ? UNKNOWN : count(value(row)),
  };
}
