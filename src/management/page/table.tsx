/** Tables that the user can search, sort and page through. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Button } from "./controls.tsx";
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

/** A column of numbers, which can be sorted. An unknown number counts as 0. */
export function numberColumn<Row>(
  title: string,
  value: (row: Row) => number | null | undefined,
  format: (value: number | null | undefined) => string,
): Column<Row> {
  return { title, cell: (row) => format(value(row)), sortBy: (row) => value(row) ?? 0, isNumber: true };
}

/** The number of the column that the rows are sorted by. */
interface Sort {
  readonly column: number;
  readonly isDescending: boolean;
}

/** Rows of one page. */
const PAGE_ROWS = 25;

interface TableProps<Row> {
  readonly label: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly id: (row: Row) => string;
  /**
   * The text of a row that the search looks at. With it, the table has a search field from the fourth row on.
   */
  readonly searchText?: (row: Row) => string;
  /** Shown without rows. */
  readonly empty: ComponentChildren;
  /** Called with a row when the user presses its first cell. */
  readonly onOpen?: ((row: Row) => void) | undefined;
  /** Whether a row is highlighted as running. */
  readonly isRunning?: (row: Row) => boolean;
}

/** A table of rows that the user can search, sort and page through. */
export function Table<Row>(props: TableProps<Row>) {
  const { label, rows, columns, searchText, empty } = props;
  const [search, setSearch] = useState("");
  const [sort, setSort] = useState<Sort>();
  const [page, setPage] = useState(0);
  if (rows.length === 0 && search === "") return <Empty>{empty}</Empty>;
  const sorted = sortedRows(foundRows(rows, search, searchText), columns, sort);
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
              <Head columns={columns} sort={sort} onSort={setSort} />
              <Body {...props} rows={sorted.slice(at * PAGE_ROWS, (at + 1) * PAGE_ROWS)} />
            </table>
          </div>
        )}
      {pages > 1 && (
        <nav class="pages" aria-label={`Pages of ${label}`}>
          <Button disabled={at === 0} onClick={() => setPage(at - 1)}>Previous</Button>
          <span>Page {at + 1} of {pages}</span>
          <Button disabled={at === pages - 1} onClick={() => setPage(at + 1)}>Next</Button>
        </nav>
      )}
    </div>
  );
}

/** The rows whose text has what the user searches for, in any capitals. */
function foundRows<Row>(
  rows: readonly Row[],
  search: string,
  searchText: ((row: Row) => string) | undefined,
): readonly Row[] {
  const wanted = search.trim().toLowerCase();
  if (searchText === undefined || wanted === "") return rows;
  return rows.filter((row) => searchText(row).toLowerCase().includes(wanted));
}

function sortedRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: Sort | undefined,
): readonly Row[] {
  const sortBy = sort && columns[sort.column]?.sortBy;
  if (sortBy === undefined) return rows;
  return rows.toSorted((one, other) => {
    const [a, b] = [sortBy(one), sortBy(other)];
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return sort?.isDescending ? -order : order;
  });
}

function Head<Row>({ columns, sort, onSort }: {
  columns: readonly Column<Row>[];
  sort: Sort | undefined;
  onSort: (sort: Sort) => void;
}) {
  return (
    <thead>
      <tr>
        {columns.map(({ title, sortBy, isNumber }, column) => {
          const isSorted = sort?.column === column;
          // Numbers begin with the largest.
          const isDescending = isSorted ? !sort.isDescending : isNumber === true;
          return (
            <th
              key={title}
              scope="col"
              class={isNumber ? "number" : undefined}
              aria-sort={isSorted ? (sort.isDescending ? "descending" : "ascending") : undefined}
            >
              {sortBy === undefined
                ? title
                : (
                  <Button class="sort" onClick={() => onSort({ column, isDescending })}>
                    {title}
                    <span aria-hidden="true">{isSorted ? (sort.isDescending ? " ↓" : " ↑") : ""}</span>
                  </Button>
                )}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}

function Body<Row>(
  { rows, columns, id, onOpen, isRunning }: Pick<
    TableProps<Row>,
    "rows" | "columns" | "id" | "onOpen" | "isRunning"
  >,
) {
  return (
    <tbody>
      {rows.map((row) => (
        <tr key={id(row)} class={isRunning?.(row) ? "running" : undefined}>
          {columns.map(({ title, cell, isNumber }, column) => (
            <td key={title} class={isNumber ? "number" : undefined}>
              {column === 0 && onOpen
                ? (
                  <Button
                    class="link"
                    onClick={() => onOpen(row)}
                  >
                    {cell(row)}
                  </Button>
                )
                : cell(row)}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}
