/** The frame: who is signed in, where one is, and the page that is there. */

import { useEffect, useState } from "preact/hooks";
import { About } from "./about.tsx";
import { watchAttention } from "./attention.ts";
import { Audit } from "./audit.tsx";
import { Connect } from "./connect.tsx";
import { Dashboard } from "./dashboard.tsx";
import { Endpoints } from "./endpoints.tsx";
import { Live } from "./live.tsx";
import { Failure } from "./pieces.tsx";
import { Projects } from "./projects.tsx";
import { onSession, readSession, signOut } from "./session.ts";
import { SignIn } from "./sign_in.tsx";
import { Tokens } from "./tokens.tsx";

const PAGES = [
  ["dashboard", "Dashboard", Dashboard],
  ["live", "Live", Live],
  ["projects", "Projects", Projects],
  ["tokens", "Tokens", Tokens],
  ["connect", "Connect", Connect],
  ["endpoints", "Endpoints", Endpoints],
  ["audit", "Audit", Audit],
  ["about", "About", About],
] as const;

export function App() {
  const [session, setSession] = useState<"unknown" | "in" | "out">("unknown");
  // Once somebody was in, the page stays behind the sign-in, with all that was typed.
  const [wasIn, setWasIn] = useState(false);
  const [failure, setFailure] = useState<Error>();
  const [place, setPlace] = useState(placeNow);
  const read = () => {
    setFailure(undefined);
    readSession().catch((error) => setFailure(error));
  };
  useEffect(() => {
    watchAttention();
    const stop = onSession((state) => {
      setSession(state);
      if (state === "in") setWasIn(true);
    });
    const moved = () => {
      setPlace(placeNow());
      document.querySelector<HTMLElement>("main")?.focus();
    };
    addEventListener("hashchange", moved);
    read();
    return () => {
      stop();
      removeEventListener("hashchange", moved);
    };
  }, []);
  const [, title, Page] = PAGES.find(([name]) => name === place) ?? PAGES[0];
  useEffect(() => void (document.title = `${title} – llm-proxy`), [title]);
  if (failure && session === "unknown") {
    return (
      <main>
        <Failure error={failure} retry={read} />
      </main>
    );
  }
  if (session === "unknown") {
    return (
      <main>
        <p role="status">Loading…</p>
      </main>
    );
  }
  if (!wasIn) {
    return (
      <main class="alone">
        <SignIn />
      </main>
    );
  }
  return (
    <>
      <header class="top">
        <a
          class="skip"
          href={`#${place}`}
          onClick={(event) => {
            event.preventDefault();
            document.querySelector<HTMLElement>("main")?.focus();
          }}
        >
          Skip to the content
        </a>
        <strong>llm-proxy</strong>
        <nav aria-label="Pages">
          {PAGES.map(([name, text]) => (
            <a key={name} href={`#${name}`} aria-current={name === place ? "page" : undefined}>{text}</a>
          ))}
          <a href="/admin/docs" target="_blank" rel="noopener">Help</a>
        </nav>
        <button type="button" class="quiet" onClick={() => signOut().catch(setFailure)}>Sign out</button>
      </header>
      <main tabIndex={-1}>
        {failure && <Failure error={failure} />}
        <Page key={place} />
      </main>
      {session === "out" && <SignIn again />}
    </>
  );
}

function placeNow(): string {
  const name = location.hash.slice(1).split("?")[0];
  return PAGES.some(([known]) => known === name) ? name ?? "dashboard" : "dashboard";
}
