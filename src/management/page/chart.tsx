/** A chart over time: stacked bars, or lines. */

import uPlot from "uplot";
import { useEffect, useRef, useState } from "preact/hooks";
import { axisTime } from "./format.ts";

/** One series of a chart, with a value for each time; `null` where it has none. */
export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

const HEIGHT = 220;

interface ChartProps {
  /** Describes the chart to screen readers. A table next to it must hold the numbers. */
  readonly label: string;
  /** Days or hours as the API writes them. */
  readonly times: readonly string[];
  readonly series: readonly Series[];
  /** Whether the values are bars, each series on the one before, instead of lines. */
  readonly stacked: boolean;
  readonly format: (value: number) => string;
}

/** Draws series over times, with the values at the cursor below. */
export function Chart(props: ChartProps) {
  const { label, times, series, stacked } = props;
  const ref = useRef<HTMLDivElement>(null);
  const reading = useRef<HTMLParagraphElement>(null);
  const isDark = usePrefersDark();
  useEffect(() => {
    const box = ref.current;
    if (box === null) return;
    const plot = plotIn(box, props, (at) => {
      if (reading.current !== null) reading.current.textContent = readingAt(at, props);
    });
    const resize = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT }));
    resize.observe(box);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
  }, [JSON.stringify([times, series, stacked]), isDark]);
  return (
    <figure class="chart">
      <div ref={ref} role="img" aria-label={label} />
      <p ref={reading} class="reading" aria-hidden="true" />
      {series.length > 1 && (
        <ul class="legend">
          {series.map(({ name }, index) => (
            <li key={name}>
              <span class={`swatch series-${index}`} aria-hidden="true" />
              {name}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

/** Draws the chart. `onCursor` gets the number of the time under the cursor. */
function plotIn(
  box: HTMLElement,
  { times, series, stacked, format }: ChartProps,
  onCursor: (at: number | null | undefined) => void,
): uPlot {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const heights = stacked ? stackedHeights(series) : series.map(({ values }) => [...values]);
  const bars = uPlot.paths.bars?.({ size: [0.7, 60] });
  const line = { stroke: colour("line"), width: 1 };
  const axis = { stroke: colour("muted"), grid: line, ticks: line };
  const indexes = times.map((_, index) => index);
  return new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false } },
      scales: {
        x: { time: false, range: () => [-0.6, times.length - 0.4] },
        y: { range: (_plot, _min, max) => [0, max * 1.05 || 1] },
      },
      axes: [
        {
          ...axis,
          splits: () => [...indexes],
          values: (plot, splits) => timeLabels(times, splits, plot.width),
        },
        { ...axis, size: 64, values: (_plot, splits) => splits.map(format) },
      ],
      series: [
        {},
        // The highest bars are drawn first, and the lower ones over them.
        ...heights.map((_, index) => ({
          stroke: colour(`series-${index}`),
          width: stacked ? 0 : 2,
          ...(stacked && { fill: colour(`series-${index}`), points: { show: false } }),
          ...(stacked && bars && { paths: bars }),
        })).toReversed(),
      ],
      hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx)] },
    },
    [indexes, ...heights.toReversed()],
    box,
  );
}

/** The labels of the times at `splits`: as many as fit, and empty ones between them. */
function timeLabels(times: readonly string[], splits: readonly number[], width: number): string[] {
  const every = Math.max(1, Math.ceil(splits.length / (width / 64)));
  return splits.map((at) => at % every === 0 ? axisTime(times[at] ?? "") : "");
}

/** The values at a time, in words. */
function readingAt(at: number | null | undefined, { times, series, format }: ChartProps): string {
  if (at == null || times[at] === undefined) return "";
  const shown = series.filter(({ values }) => values[at] != null && values[at] !== 0);
  const values = shown.map(({ name, values }) => `${name} ${format(values[at] ?? 0)}`);
  return `${axisTime(times[at])}: ${values.join(", ") || "no data"}`;
}

/** The upper ends of the bars of each series, stacked on the series before it. */
function stackedHeights(series: readonly Series[]): number[][] {
  const heights: number[] = [];
  return series.map(({ values }) =>
    values.map((value, at) => heights[at] = (heights[at] ?? 0) + (value ?? 0))
  );
}

/**
 * Whether the system is in dark mode. The canvas must then be drawn again: CSS does not change its colours.
 */
function usePrefersDark(): boolean {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = () => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return isDark;
}
