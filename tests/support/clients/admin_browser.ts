/** The admin page in a real Chromium, before a proxy in the test's own process and the demo upstream. */

import { assertEquals } from "@std/assert";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import type { Endpoint } from "../../../src/config/config.ts";
import { cleanEnv } from "../processes/command.ts";
import { testBackend, testEndpoint } from "../proxies/config.ts";
import { FakeUpstream } from "../upstreams/fake_upstream.ts";
import { unless } from "../runner/left_out.ts";
import { LaterClock } from "../time/later_clock.ts";
import { type ManagedOptions, ManagedProxy } from "../proxies/managed_proxy.ts";
import { SECRETS } from "../data/secrets.ts";

const EXECUTABLES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** Undefined: there is none here. */
const CHROMIUM: string | undefined = EXECUTABLES.find((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
});

export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: CHROMIUM ?? "", args: ARGUMENTS, env: cleanEnv() });
}

/** A test in a browser; without one it is left out. */
export function browserTest(name: string, test: () => Promise<void>): void {
  Deno.test({
    ...unless(CHROMIUM === undefined ? "Chromium is not installed" : undefined, name),
    fn: test,
    // The library that drives the browser keeps timers of its own from one test to the next.
    sanitizeOps: false,
    sanitizeResources: false,
  });
}

/** Where pictures go; CI keeps them. */
export const PICTURES: URL = new URL("../../../dist/screenshots/", import.meta.url);

export interface BrowserOptions extends Omit<ManagedOptions, "clock" | "endpoints"> {
  /** Of the endpoints `openai` and `anthropic`. */
  readonly endpoint?: Partial<Endpoint>;
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
  /** Between two events of the demo upstream's streams. */
  readonly paceMs?: number;
}

export class AdminBrowser implements AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly proxy: ManagedProxy;
  readonly clock: LaterClock;
  readonly upstream: FakeUpstream;
  /** Complaints of the console that a test brings about on purpose. */
  readonly expected: RegExp[] = [];
  readonly #browser: Browser;
  readonly #complaints: string[] = [];
  readonly #foreign: string[] = [];

  private constructor(
    parts: Pick<AdminBrowser, "page" | "context" | "proxy" | "clock" | "upstream"> & { browser: Browser },
  ) {
    this.page = parts.page;
    this.context = parts.context;
    this.proxy = parts.proxy;
    this.clock = parts.clock;
    this.upstream = parts.upstream;
    this.#browser = parts.browser;
    this.page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.#complaints.push(message.text());
    });
    this.page.on("pageerror", (error) => this.#complaints.push(String(error)));
    this.page.on("request", (request) => {
      if (!request.url().startsWith(`${this.proxy.adminUrl}/`)) this.#foreign.push(request.url());
    });
  }

  static async start(options: BrowserOptions = {}): Promise<AdminBrowser> {
    const { width = 1200, height = 900, colorScheme = "light", paceMs = 0, endpoint = {}, ...managed } =
      options;
    const upstream = new FakeUpstream({ paceMs });
    const clock = new LaterClock();
    const proxy = await ManagedProxy.start(upstream, {
      ...managed,
      endpoints: demoEndpoints(upstream, endpoint),
      clock,
    });
    const browser = await launchBrowser();
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme,
      locale: "en-US",
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    return new AdminBrowser({ page, context, proxy, clock, upstream, browser });
  }

  /** Opens a page; signs in where that has not been done. */
  async open(name: string): Promise<void> {
    await this.page.goto(`${this.proxy.adminUrl}/admin#${name}`);
    const token = this.page.getByLabel("Management token");
    const heading = this.page.getByRole("navigation", { name: "Pages", exact: true });
    await token.or(heading).first().waitFor();
    if (await token.isVisible()) await this.signIn();
    await heading.waitFor();
  }

  /** Waits until the shown view has its data. */
  async loaded(): Promise<void> {
    await this.page.locator("main :is(table, dl, .snippet, .empty)").first().waitFor();
    await this.page.locator(".loading").first().waitFor({ state: "hidden" });
  }

  async signIn(token: string = SECRETS.managementToken): Promise<void> {
    await this.page.getByLabel("Management token").fill(token);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stored = await this.page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
      .catch(() => "[]");
    await this.#browser.close();
    await this.proxy[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
    assertEquals(this.#foreign, [], "requests that left the origin");
    const unexpected = this.#complaints.filter((text) =>
      !this.expected.some((pattern) => pattern.test(text))
    );
    assertEquals(unexpected, [], "what the console says");
    assertEquals(
      String(stored).replaceAll(/[^\w]/g, ""),
      "",
      "the browser keeps nothing that scripts can read",
    );
  }
}

function demoEndpoints({ origin }: FakeUpstream, options: Partial<Endpoint>): Endpoint[] {
  const backend = (value: string, settings: { path: string; keyField: string }) =>
    testBackend(origin, { key: { mode: "inject", value }, ...settings });
  return [
    testEndpoint("openai", [
      backend(SECRETS.openaiKey, { path: "/openai/v1", keyField: "authorization" }),
    ], options),
    testEndpoint("anthropic", [
      backend(SECRETS.anthropicKey, { path: "/anthropic", keyField: "x-api-key" }),
    ], { dialect: "anthropic", ...options }),
  ];
}
