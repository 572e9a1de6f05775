/** Tables that can be searched, sorted and paged. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Empty } from "./pieces.tsx";

/** One column. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** What it is sorted by; without, it is not. */
  readonly by?: (row: Row) => string | number;
  readonly isNumber?: boolean;
}

const PAGE = 25;

/** With `text` there is a search. */
export function Table<Row>({ label, rows, columns, id, text, empty, onOpen, isRunning }: {
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  id: (row: Row) => string;
  text?: (row: Row) => string;
  empty: ComponentChildren;
  /** The first cell opens the row. */
  onOpen?: (row: Row) => void;
  /** Those that are still under way. */
  isRunning?: (row: Row) => boolean;
}) {
  const [search, setSearch] = useState("");
  const [sort, setSort] = useState<{ column: number; down: boolean }>();
  const [page, setPage] = useState(0);
  if (rows.length === 0 && search === "") return <Empty>{empty}</Empty>;
  const wanted = search.trim().toLowerCase();
  const found = text === undefined || wanted === ""
    ? rows
    : rows.filter((row) => text(row).toLowerCase().includes(wanted));
  const by = sort && columns[sort.column]?.by;
  const sorted = by === undefined ? found : found.toSorted((one, other) => {
    const [a, b] = [by(one), by(other)];
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return sort?.down ? -order : order;
  });
  const pages = Math.max(1, Math.ceil(sorted.length / PAGE));
  const at = Math.min(page, pages - 1);
  return (
    <div class="table">
      {text && (rows.length > 3 || search !== "") && (
        <input
          type="search"
          aria-label={`Search ${label}`}
          placeholder="Search"
          value={search}
          onInput={(event) => {
            setSearch(event.currentTarget.value);
            setPage(0);
          }}
        />
      )}
      {sorted.length === 0
        ? <Empty>Nothing matches “{search}”.</Empty>
        : (
          <div class="scroll" role="region" aria-label={label} tabIndex={0}>
            <table>
              <thead>
                <tr>
                  {columns.map(({ title, by, isNumber }, column) => {
                    const isSorted = sort?.column === column;
                    return (
                      <th
                        key={title}
                        scope="col"
                        class={isNumber ? "number" : undefined}
                        aria-sort={isSorted ? (sort.down ? "descending" : "ascending") : undefined}
                      >
                        {by === undefined ? title : (
                          <button
                            type="button"
                            class="sort"
                            // Of numbers the largest are looked for.
                            onClick={() =>
                              setSort({ column, down: isSorted ? !sort.down : isNumber === true })}
                          >
                            {title}
                            <span aria-hidden="true">{isSorted ? (sort.down ? " ↓" : " ↑") : ""}</span>
                          </button>
                        )}
                      </th>
                    );
                  })}
                </tr>
              </thead>
              <tbody>
                {sorted.slice(at * PAGE, (at + 1) * PAGE).map((row) => (
                  <tr key={id(row)} class={isRunning?.(row) ? "running" : undefined}>
                    {columns.map(({ title, cell, isNumber }, column) => (
                      <td key={title} class={isNumber ? "number" : undefined}>
                        {column === 0 && onOpen
                          ? (
                            <button
                              type="button"
                              class="link"
                              onClick={() => onOpen(row)}
                            >
                              {cell(row)}
                            </button>
                          )
                          : cell(row)}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      {pages > 1 && (
        <nav class="pages" aria-label={`Pages of ${label}`}>
          <button type="button" disabled={at === 0} onClick={() => setPage(at - 1)}>Previous</button>
          <span>{at + 1} of {pages}</span>
          <button type="button" disabled={at === pages - 1} onClick={() => setPage(at + 1)}>Next</button>
        </nav>
      )}
    </div>
  );
}
