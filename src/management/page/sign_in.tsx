/** Asks for the management token. */

import { useState } from "preact/hooks";
import { Input } from "./controls.tsx";
import { Dialog, Failure, useSubmit } from "./pieces.tsx";
import { signIn } from "./session.ts";

/** With `again` it stands over the page, which stays as it was. */
export function SignIn({ again = false }: { again?: boolean }) {
  const [token, setToken] = useState("");
  const { busy, error, submit } = useSubmit(() => signIn(token.trim()), () => setToken(""));
  const form = (
    <form onSubmit={submit}>
      {again
        ? <p>Your session has ended. What you were doing goes on once you have signed in.</p>
        : <p>Projects, tokens, usage and cost of this proxy.</p>}
      <Input
        label="Management token"
        help="MANAGEMENT_TOKEN of the proxy's configuration. This page does not keep it."
        type="password"
        name="token"
        autocomplete="current-password"
        required
        autofocus
        value={token}
        set={setToken}
      />
      {error && <Failure error={error} />}
      <footer>
        <button type="submit" class="primary" disabled={busy}>Sign in</button>
      </footer>
    </form>
  );
  return again ? <Dialog title="Sign in again">{form}</Dialog> : (
    <>
      <h1>llm-proxy</h1>
      {form}
    </>
  );
}
