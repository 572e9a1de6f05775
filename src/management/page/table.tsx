/** Tables that the user can search, sort and page through. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Empty } from "./load_view.tsx";

/** One column of a table: its title and its cells. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** The value to sort by. Without it the column cannot be sorted. */
  readonly sortBy?: (row: Row) => string | number;
  /** Aligns the cells to the right, and sorts the largest first. */
  readonly isNumber?: boolean;
}

/** Rows of one page. */
const PAGE_ROWS = 25;

/**
 * A table of rows. With `searchText`, it has a search field from the fourth row on. `empty` is shown without
 * rows.
 */
export function Table<Row>({ label, rows, columns, id, searchText, empty, onOpen, isRunning }: {
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  id: (row: Row) => string;
  searchText?: (row: Row) => string;
  empty: ComponentChildren;
  /** Called with a row when the user presses its first cell. */
  onOpen?: (row: Row) => void;
  /** Whether a row is highlighted as running. */
  isRunning?: (row: Row) => boolean;
}) {
  const [search, setSearch] = useState("");
  const [sort, setSort] = useState<{ column: number; isDescending: boolean }>();
  const [page, setPage] = useState(0);
  if (rows.length === 0 && search === "") return <Empty>{empty}</Empty>;
  const wanted = search.trim().toLowerCase();
  const found = searchText === undefined || wanted === ""
    ? rows
    : rows.filter((row) => searchText(row).toLowerCase().includes(wanted));
  const sortBy = sort && columns[sort.column]?.sortBy;
  const sorted = sortBy === undefined ? found : found.toSorted((one, other) => {
    const [a, b] = [sortBy(one), sortBy(other)];
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return sort?.isDescending ? -order : order;
  });
  const pages = Math.max(1, Math.ceil(sorted.length / PAGE_ROWS));
  const at = Math.min(page, pages - 1);
  return (
    <div class="table">
      {searchText && (rows.length > 3 || search !== "") && (
        <input
          type="search"
          aria-label={`Search: ${label}`}
          placeholder="Search"
          value={search}
          onInput={(event) => {
            setSearch(event.currentTarget.value);
            setPage(0);
          }}
        />
      )}
      {sorted.length === 0
        ? <Empty>No matches for “{search}”.</Empty>
        : (
          <div class="scroll" role="region" aria-label={label} tabIndex={0}>
            <table>
              <thead>
                <tr>
                  {columns.map(({ title, sortBy, isNumber }, column) => {
                    const isSorted = sort?.column === column;
                    return (
                      <th
                        key={title}
                        scope="col"
                        class={isNumber ? "number" : undefined}
                        aria-sort={isSorted ? (sort.isDescending ? "descending" : "ascending") : undefined}
                      >
                        {sortBy === undefined ? title : (
                          <button
                            type="button"
                            class="sort"
                            // Numbers begin with the largest.
                            onClick={() =>
                              setSort({
                                column,
                                isDescending: isSorted ? !sort.isDescending : isNumber === true,
                              })}
                          >
                            {title}
                            <span aria-hidden="true">
                              {isSorted ? (sort.isDescending ? " ↓" : " ↑") : ""}
                            </span>
                          </button>
                        )}
                      </th>
                    );
                  })}
                </tr>
              </thead>
              <tbody>
                {sorted.slice(at * PAGE_ROWS, (at + 1) * PAGE_ROWS).map((row) => (
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
          <span>Page {at + 1} of {pages}</span>
          <button type="button" disabled={at === pages - 1} onClick={() => setPage(at + 1)}>Next</button>
        </nav>
      )}
    </div>
  );
}
