/** The frame of the admin page: sign-in, navigation and the selected view. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Account } from "./account.tsx";
import { get, type Self } from "./api.ts";
import { Audit } from "./audit.tsx";
import { Connect } from "./connect.tsx";
import { Button } from "./controls.tsx";
import { Dashboard } from "./dashboard.tsx";
import { DeviceLogins } from "./device_login.tsx";
import { Endpoints } from "./endpoints.tsx";
import { ErrorMessage, LoadView } from "./load_view.tsx";
import { Me, useMe } from "./me.ts";
import { People } from "./people.tsx";
import { Projects } from "./projects.tsx";
import { Requests } from "./requests.tsx";
import { invitationOf, onSession, readSession, signOut } from "./session.ts";
import { SignIn } from "./sign_in.tsx";
import { System } from "./system.tsx";
import { Tokens } from "./tokens.tsx";
import { useLoad } from "./use_load.ts";
import { watchUserActivity } from "./user_activity.ts";
import type { ViewName } from "./views.ts";

const COMPONENTS: Readonly<Record<ViewName, ComponentType>> = {
  dashboard: Dashboard,
  requests: Requests,
  projects: Projects,
  tokens: Tokens,
  connect: Connect,
  endpoints: Endpoints,
  people: People,
  audit: Audit,
  system: System,
  account: Account,
};

/** The admin page. Before the first sign-in, and for an invitation, it shows the sign-in form alone. */
export function App() {
  const { session, signIns, error, setError, read } = useSession();
  const hash = useHash();
  const invitation = invitationOf(hash);
  useEffect(() => {
    if (signIns === 0 || invitation !== undefined) document.title = "llm-proxy";
  }, [signIns, invitation]);
  if (session === "unknown") {
    return (
      <main>
        {error ? <ErrorMessage error={error} retry={read} /> : <p role="status">Loading…</p>}
      </main>
    );
  }
  if (signIns === 0 || invitation !== undefined) {
    return (
      <main class="alone">
        <SignIn key={invitation} />
        {session === "in" && (
          <p>
            You are signed in. The invitation ends this session. <a href="#">Keep it</a>
          </p>
        )}
      </main>
    );
  }
  return (
    <>
      <SignedIn signIns={signIns} hash={hash} error={error} onFailed={setError} />
      {session === "out" && <SignIn again />}
    </>
  );
}

/** The navigation and the selected view, as the role of the user allows. */
function SignedIn({ signIns, hash, error, onFailed }: {
  /** The number of sign-ins. After each, another person may be signed in. */
  signIns: number;
  hash: string;
  error: Error | undefined;
  onFailed: (error: Error) => void;
}) {
  const loaded = useLoad((signal) => get<Self>("/me", signal), String(signIns));
  const me = loaded.value;
  if (me === undefined) {
    return (
      <main>
        <LoadView loaded={loaded}>{() => null}</LoadView>
      </main>
    );
  }
  return (
    <Me.Provider value={me}>
      <Frame hash={hash} error={error ?? loaded.error} onFailed={onFailed} />
    </Me.Provider>
  );
}

function Frame({ hash, error, onFailed }: {
  hash: string;
  error: Error | undefined;
  onFailed: (error: Error) => void;
}) {
  const { id, role, views } = useMe();
  const named = hash.slice(1).split("?")[0];
  const { name, label } = views.find((view) => view.name === named) ??
    { name: "dashboard", label: "" } as const;
  // A command prints this address; the navigation has no link to it.
  const isDevice = named === "device";
  const View = isDevice ? DeviceLogins : COMPONENTS[name];
  const title = isDevice ? "Sign in a command" : label || views[0]?.label;
  useEffect(() => void (document.title = `${title} – llm-proxy`), [title]);
  return (
    <>
      <Header viewName={isDevice ? named : name} onFailed={onFailed} />
      <main tabIndex={-1}>
        {error && <ErrorMessage error={error} />}
        <View key={`${named} ${name} ${id} ${role}`} />
      </main>
    </>
  );
}

function Header({ viewName, onFailed }: { viewName: string; onFailed: (error: Error) => void }) {
  const { views } = useMe();
  return (
    <header class="top">
      <a
        class="skip"
        href={`#${viewName}`}
        onClick={(event) => {
          event.preventDefault();
          focusContent();
        }}
      >
        Skip to content
      </a>
      <strong>llm-proxy</strong>
      <nav aria-label="Pages">
        {views.map(({ name, label }) => (
          <a key={name} href={`#${name}`} aria-current={name === viewName ? "page" : undefined}>{label}</a>
        ))}
        <a href="/admin/docs" target="_blank" rel="noopener">Help</a>
      </nav>
      <Button class="quiet" onClick={() => signOut().catch(onFailed)}>Sign out</Button>
    </header>
  );
}

/** Whether the user is signed in, and how often they have signed in. `read` asks the proxy again. */
function useSession() {
  const [session, setSession] = useState<"unknown" | "in" | "out">("unknown");
  // When a session ends, the page stays behind the sign-in dialog, with everything that was typed.
  const [signIns, setSignIns] = useState(0);
  const [error, setError] = useState<Error>();
  const read = () => {
    setError(undefined);
    readSession().catch(setError);
  };
  useEffect(() => {
    watchUserActivity();
    const stop = onSession((state) => {
      setSession(state);
      if (state === "in") setSignIns((before) => before + 1);
    });
    read();
    return stop;
  }, []);
  return { session, signIns, error, setError, read };
}

/** The part of the address that names the view. After a change by the user, the focus moves to the view. */
function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => {
      setHash(location.hash);
      focusContent();
    };
    addEventListener("hashchange", changed);
    // A used invitation leaves the address without an event.
    const stop = onSession(() => setHash(location.hash));
    return () => {
      removeEventListener("hashchange", changed);
      stop();
    };
  }, []);
  return hash;
}

function focusContent(): void {
  document.querySelector<HTMLElement>("main")?.focus();
}
