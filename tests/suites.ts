/** Which tests run when. This is the one place that says it; `tests/run.ts` reads it. */

/** Files and folders of tests, each with the reason why it is listed. */
export type Listed = Readonly<Record<string, string>>;

/** A set of test files that one `deno test` runs. */
export interface Suite {
  readonly name: string;
  readonly files: readonly string[];
  /** Whether several files run at the same time, in one process. */
  readonly isParallel: boolean;
  /** Those of the files that may share an isolate. */
  readonly sharing: readonly string[];
  /** Whether it runs at the same time as the suite before. */
  readonly isBeside?: boolean;
}

/** Which tests are wanted: those of `deno task test`, those of `deno task test:long`, or both. */
export type Wanted = "short" | "long" | "all";

/** These run first: they take seconds, and say what is wrong with the source itself. */
const FIRST: Listed = {
  "tests/architecture_test.ts": "directions of imports",
  "tests/language_test.ts": "words and comments",
};

/** `deno task test` leaves these out; `deno task test:all` and CI run them. */
const LONG: Listed = {
  "tests/accounting/taps/long_response_test.ts": "responses of 200 MB",
  "tests/auth/timing_test.ts": "thousands of checks, to compare their durations",
  "tests/bench/allocations/allocations_test.ts": "thousands of requests to three proxies",
  "tests/browser/": "a browser on every page of the admin page, at several widths",
  "tests/build/shrink_bundle_test.ts": "a bundle of the whole program, which a second pass shrinks",
  "tests/cli/completion_test.ts": "every place of a command line, in three shells",
  "tests/cli/worker_server_test.ts": "threads that load the program from source, and crash",
  "tests/clients/tls_test.ts": "certificates for each client that is installed",
  "tests/docs_commands_test.ts": "every command of the documentation",
  "tests/forwarding/fuzz_test.ts": "a million generated responses",
  "tests/forwarding/websocket/autobahn_test.ts":
    "Autobahn's cases in both directions, whole and byte by byte",
  "tests/limits/shared/postgres_locks_test.ts": "136 pairs of functions, each for 20 ms",
  "tests/limits/shared/postgres_server_test.ts": "24 random orders of 250 steps, and 2 of messages",
  "tests/limits/spending_property_test.ts": "years of random spending in four time zones",
  "tests/linear_cost_test.ts": "megabytes, byte by byte, for every reader",
  "tests/management/token_growth_test.ts": "tables of 20,000 tokens, to compare durations",
  "tests/objects/long_references_test.ts": "bodies of 2 MB in 14 shapes",
  "tests/payload/scanner_reference_test.ts": "30,000 generated texts",
  "tests/release/sbom_test.ts": "bundles of the whole program",
  "tests/storage/kill_test.ts": "forty kills of a writer",
  "tests/storage/postgres_connections_test.ts": "the tests of every store again, by way of PgBouncer",
  "tests/storage/restore_orders_test.ts": "thirty random orders of crashes, backups and restores",
  "tests/storage/threads_contract_test.ts": "the tests of every adapter again, with threads",
  "tests/storage/threads_test.ts": "reads of a database that is large enough to take seconds",
  "tests/wire/budgets/budget_attack_test.ts": "a hundred clients at once, in eight ways",
  "tests/wire/budgets/cancelled_objects_test.ts": "restarts of a proxy between a cancellation and its count",
  "tests/wire/budgets/objects_test.ts": "kills and restarts proxies, 37 starts",
  "tests/storage/postgres_test.ts": "a server of PostgreSQL, and 1,000 changes one after the other",
  "tests/wire/budgets/reconciliation_test.ts": "300 exchanges of all kinds, with reloads",
  "tests/wire/commands/check_changed_test.ts": "15 commands and proxies",
  "tests/wire/commands/colours_test.ts": "every command at a terminal and in a pipe",
  "tests/wire/commands/commands_test.ts": "38 commands and proxies",
  "tests/wire/commands/control_token_test.ts": "65 commands and proxies, at every kind of address",
  "tests/wire/commands/doctor_test.ts": "every finding, with real servers in front",
  "tests/wire/commands/import_test.ts": "54 commands",
  "tests/wire/commands/init_test.ts": "38 commands and proxies",
  "tests/wire/commands/json_output_test.ts": "every command with --json, when it succeeds and when it fails",
  "tests/wire/commands/login_test.ts": "25 commands and a proxy, and the pauses of their polls",
  "tests/wire/commands/narrow_flags_test.ts": "a proxy under each line of narrow rights",
  "tests/wire/commands/prices_test.ts": "lists of prices of many megabytes, on disk and by network",
  "tests/wire/commands/run_test.ts": "53 commands",
  "tests/wire/faults/crash_test.ts": "kills of a proxy under load, and its restarts",
  "tests/wire/faults/disk_faults_test.ts": "seconds of load on a database in each kind of trouble",
  "tests/wire/faults/disk_process_test.ts": "20 commands and proxies",
  "tests/wire/hostile/deno_engine_corpus_test.ts":
    "hundreds of hostile requests again, with the other engine",
  "tests/wire/limits/killed_replica_test.ts": "a replica is killed, and what it held expires",
  "tests/wire/hostile/differential_test.ts": "20,000 generated cases in front of seven servers",
  "tests/wire/hostile/fuzz_test.ts": "100,000 generated requests",
  "tests/wire/hostile/h2spec_test.ts": "126 cases of h2spec, and 56 fields in every spelling",
  "tests/wire/hostile/http2_test.ts": "31 hostile sessions, and what each leaves behind",
  "tests/wire/management/admin_port_test.ts": "many proxies and commands with two ports",
  "tests/wire/management/management_test.ts": "76 commands and proxies",
  "tests/wire/management/postgres_test.ts": "six servers of PostgreSQL, 30 commands and proxies",
  "tests/wire/process/managed_workers_test.ts": "proxies with two threads each, and thousands of requests",
  "tests/wire/process/reload_load_test.ts": "a hundred reloads under load",
  "tests/wire/process/replica_soak_test.ts": "kills of replicas and losses of their servers under load",
  "tests/wire/process/replicated_workers_test.ts": "four proxies with two threads each",
  "tests/wire/process/start_test.ts": "31 starts of the program",
  "tests/wire/process/soak_test.ts": "mixed traffic for as long as a leak needs to show",
  "tests/wire/management/database_loss_test.ts": "servers of PostgreSQL that stop and come back",
  "tests/wire/objects/ways_around_test.ts": "proxies for each way, and several starts",
  "tests/wire/process/workers_test.ts": "a dozen proxies with two threads each",
  "tests/wire/process/tls_test.ts": "16 commands and proxies, with new keys",
  "tests/wire/sign_in/replicas_test.ts":
    "18 commands, five proxies, and ten seconds for a token of a provider",
  "tests/wire/streams/departures_test.ts": "a thousand departures at every moment of an exchange",
  "tests/wire/upstreams/proxy_variables_test.ts": "every command behind a forward proxy",
};

/**
 * `deno task test` runs these with few generated cases, `test:long` and `test:all` with all: they call
 * `cases`.
 */
const SAMPLED: Listed = {
  "tests/accounting/taps/catalogue_test.ts": "splits each recorded response at every place",
  "tests/accounting/taps/golden_test.ts": "20,000 responses with changed bytes",
  "tests/limits/budget_calendar_test.ts": "the hours of two years in six time zones",
  "tests/limits/shared/memory_limits_test.ts": "80 random orders of messages",
  "tests/limits/shared/redis_server_test.ts": "80 random orders of 250 steps, and 8 of messages",
  "tests/objects/body_references_test.ts": "2,000 generated bodies",
  "tests/payload/json_reader_test.ts": "20,000 generated texts",
  "tests/storage/sqlite_test.ts":
    "sums of usage by 112 combinations of period, filter, grouping and time zone",
};

/** These run one after the other, while no other test runs. Files that run in parallel share one process. */
const ALONE: Listed = {
  "tests/accounting/taps/long_response_test.ts": "measures the memory of the process",
  "tests/auth/timing_test.ts": "compares durations of microseconds",
  "tests/bench/allocations/allocations_test.ts": "the compiler of V8 has to keep up with the warm-up",
  "tests/left_out_test.ts": "sets variables of the process",
  "tests/linear_cost_test.ts": "measures the processor time of the process",
  "tests/management/token_growth_test.ts": "compares durations of less than a millisecond",
  "tests/payload/decompressor_test.ts": "measures the processor time of the process",
  "tests/wire/sign_in/":
    "its proxies must know their ports before they listen, and another test could take one",
  "tests/storage/threads_test.ts": "measures how long a thread is blocked",
};

/**
 * These run one after the other in a process that runs beside the one with the parallel files: a program that
 * another test of the same process starts holds their file locks for a moment.
 */
const OWN_PROCESS: Listed = {
  "tests/storage/copy_test.ts": "copies databases, whose locks must be free",
  "tests/storage/restore_orders_test.ts": "restores databases, whose locks must be free",
  "tests/storage/restore_test.ts": "restores databases, whose locks must be free",
};

/** These start before the other parallel files: a long one that starts last runs alone at the end. */
const SLOWEST: Listed = {
  "tests/wire/budgets/objects_test.ts": "kills and restarts proxies, 37 starts",
  "tests/wire/management/management_test.ts": "76 commands and proxies",
  "tests/wire/commands/control_token_test.ts": "65 commands and proxies",
  "tests/wire/limits/client_limits_test.ts": "waits for the limits of slow clients",
  "tests/wire/commands/import_test.ts": "54 commands",
  "tests/wire/commands/run_test.ts": "53 commands",
  "tests/wire/commands/commands_test.ts": "38 commands and proxies",
  "tests/wire/process/start_test.ts": "31 starts of the program",
  "tests/wire/streams/websocket_test.ts": "messages of many megabytes",
  "tests/wire/tokens/managed_test.ts": "thousands of requests at once",
  "tests/wire/commands/init_test.ts": "38 commands and proxies",
  "tests/wire/management/database_loss_test.ts": "servers of PostgreSQL that stop and come back",
  "tests/wire/objects/ways_around_test.ts": "proxies for each way, and several starts",
  "tests/wire/process/workers_test.ts": "a dozen proxies with two threads each",
  "tests/wire/process/tls_test.ts": "16 commands and proxies, with new keys",
  "tests/wire/faults/upstream_stalls_test.ts": "waits for the timeouts of upstreams",
  "tests/wire/faults/disk_process_test.ts": "20 commands and proxies",
  "tests/payload/scanner_reference_test.ts": "30,000 generated texts",
};

/** The other parallel files share isolates, for a start costs more than most files take. These do not. */
const SEPARATE: Listed = {
  "tests/payload/brotli_test.ts": "counts broken bodies, of which the module remembers those of all tests",
};

/**
 * Those of the files that are wanted. The short tests and the long ones both have the files that call
 * `cases`.
 */
export function filesOf(files: readonly string[], wanted: Wanted): string[] {
  if (wanted === "all") return [...files];
  const isWanted = (file: string) =>
    wanted === "short" ? !isIn(LONG, file) : isIn(LONG, file) || isSampled(file);
  return files.filter(isWanted);
}

/** Whether `deno task test` runs a file with few of its generated cases. */
export function isSampled(file: string): boolean {
  return isIn(SAMPLED, file);
}

/** The suites that run these files, each once. Empty suites are left out. */
export function suitesOf(files: readonly string[]): Suite[] {
  const all = [...new Set(files)].sort();
  const first = all.filter((file) => isIn(FIRST, file));
  const alone = all.filter((file) => isIn(ALONE, file));
  const own = all.filter((file) => isIn(OWN_PROCESS, file));
  const others = all.filter((file) => ![FIRST, ALONE, OWN_PROCESS].some((listed) => isIn(listed, file)));
  const slowest = Object.keys(SLOWEST).filter((file) => others.includes(file));
  const parallel = [...slowest, ...others.filter((file) => !isIn(SLOWEST, file))];
  return [
    { name: "the source itself", files: first, isParallel: true, sharing: [] },
    { name: "in parallel", files: parallel, isParallel: true, sharing: parallel.filter(mayShare) },
    { name: "in a separate process", files: own, isParallel: false, sharing: [], isBeside: true },
    { name: "one after the other", files: alone, isParallel: false, sharing: [] },
  ].filter((suite) => suite.files.length > 0);
}

/** All that is listed, for the test of the lists. */
export function allListed(): readonly (readonly [path: string, why: string])[] {
  return [FIRST, LONG, SAMPLED, ALONE, OWN_PROCESS, SLOWEST, SEPARATE].flatMap((listed) =>
    Object.entries(listed)
  );
}

function mayShare(file: string): boolean {
  return ![LONG, SLOWEST, SEPARATE].some((listed) => isIn(listed, file));
}

function isIn(listed: Listed, file: string): boolean {
  return Object.keys(listed).some((path) => path.endsWith("/") ? file.startsWith(path) : file === path);
}
