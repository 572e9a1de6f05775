/** The frame of the admin page: sign-in, navigation and the selected page. */

import { useEffect, useState } from "preact/hooks";
import { Audit } from "./audit.tsx";
import { Connect } from "./connect.tsx";
import { Button } from "./controls.tsx";
import { Dashboard } from "./dashboard.tsx";
import { Endpoints } from "./endpoints.tsx";
import { ErrorMessage } from "./load_view.tsx";
import { Projects } from "./projects.tsx";
import { Requests } from "./requests.tsx";
import { onSession, readSession, signOut } from "./session.ts";
import { SignIn } from "./sign_in.tsx";
import { System } from "./system.tsx";
import { Tokens } from "./tokens.tsx";
import { watchUserActivity } from "./user_activity.ts";

/** The pages: the name in the address (`#tokens`), the label, and the component. */
const PAGES = [
  ["dashboard", "Dashboard", Dashboard],
  ["requests", "Requests", Requests],
  ["projects", "Projects", Projects],
  ["tokens", "Tokens", Tokens],
  ["connect", "Connect", Connect],
  ["endpoints", "Endpoints", Endpoints],
  ["audit", "Audit log", Audit],
  ["system", "System", System],
] as const;

/** The admin page. Before the first sign-in it shows the sign-in form alone. */
export function App() {
  const { session, wasSignedIn, error, setError, read } = useSession();
  const pageName = usePageName();
  const [, title, Page] = PAGES.find(([name]) => name === pageName) ?? PAGES[0];
  useEffect(() => void (document.title = `${title} – llm-proxy`), [title]);
  if (session === "unknown") {
    return (
      <main>
        {error ? <ErrorMessage error={error} retry={read} /> : <p role="status">Loading…</p>}
      </main>
    );
  }
  if (!wasSignedIn) {
    return (
      <main class="alone">
        <SignIn />
      </main>
    );
  }
  return (
    <>
      <Header pageName={pageName} onFailed={setError} />
      <main tabIndex={-1}>
        {error && <ErrorMessage error={error} />}
        <Page key={pageName} />
      </main>
      {session === "out" && <SignIn again />}
    </>
  );
}

function Header({ pageName, onFailed }: { pageName: string; onFailed: (error: Error) => void }) {
  return (
    <header class="top">
      <a
        class="skip"
        href={`#${pageName}`}
        onClick={(event) => {
          event.preventDefault();
          focusContent();
        }}
      >
        Skip to content
      </a>
      <strong>llm-proxy</strong>
      <nav aria-label="Pages">
        {PAGES.map(([name, text]) => (
          <a key={name} href={`#${name}`} aria-current={name === pageName ? "page" : undefined}>{text}</a>
        ))}
        <a href="/admin/docs" target="_blank" rel="noopener">Help</a>
      </nav>
      <Button class="quiet" onClick={() => signOut().catch(onFailed)}>Sign out</Button>
    </header>
  );
}

/** Whether the user is signed in. `read` asks the proxy again. */
function useSession() {
  const [session, setSession] = useState<"unknown" | "in" | "out">("unknown");
  // When a session ends, the page stays behind the sign-in dialog, with everything that was typed.
  const [wasSignedIn, setWasSignedIn] = useState(false);
  const [error, setError] = useState<Error>();
  const read = () => {
    setError(undefined);
    readSession().catch(setError);
  };
  useEffect(() => {
    watchUserActivity();
    const stop = onSession((state) => {
      setSession(state);
      if (state === "in") setWasSignedIn(true);
    });
    read();
    return stop;
  }, []);
  return { session, wasSignedIn, error, setError, read };
}

/** The name of the page in the address. After a change, the focus moves to the page. */
function usePageName(): string {
  const [pageName, setPageName] = useState(pageInAddress);
  useEffect(() => {
    const changed = () => {
      setPageName(pageInAddress());
      focusContent();
    };
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return pageName;
}

function focusContent(): void {
  document.querySelector<HTMLElement>("main")?.focus();
}

/** The page that the address names; the dashboard where it names none. */
function pageInAddress(): string {
  const name = location.hash.slice(1).split("?")[0];
  return PAGES.some(([known]) => known === name) ? name ?? "dashboard" : "dashboard";
}
