/** The sign-in form. */

import { useState } from "preact/hooks";
import { Button, Input } from "./controls.tsx";
import { Dialog } from "./dialog.tsx";
import { ErrorMessage } from "./load_view.tsx";
import { passkeyState, signInWithPasskey } from "./passkey.ts";
import { type Credentials, invitationOf, signIn, signInProviders, signInReason } from "./session.ts";
import { useSubmit } from "./use_submit.ts";

/** The page to return to, and whether the provider shall ask again who the user is. */
function returnQuery(again: boolean): URLSearchParams {
  return new URLSearchParams({
    return: location.pathname + location.hash,
    ...(again && signInReason() === "confirm" && { fresh: "1" }),
  });
}

/** Asks how to sign in. With `again`, the form is a dialog over the page, which keeps its state. */
export function SignIn({ again = false }: { again?: boolean }) {
  const [invitation] = useState(() => invitationOf(location.hash));
  const [withToken, setWithToken] = useState(true);
  const [name, setName] = useState("");
  const [secret, setSecret] = useState("");
  const credentials = (): Credentials => {
    if (invitation !== undefined) return { invitation, passphrase: secret };
    return withToken ? { token: secret.trim() } : { name, passphrase: secret };
  };
  const forgetInvitation = () => {
    // The invitation has been used. It must not stay in the address or in the history.
    if (invitation !== undefined) history.replaceState(null, "", location.pathname);
  };
  const { busy, error, submit } = useSubmit(
    () => signIn(credentials(), forgetInvitation),
    () => setSecret(""),
  );
  const passkey = useSubmit(signInWithPasskey, () => {});
  const failure = error ?? passkey.error;
  const isNamed = invitation === undefined && !withToken;
  const form = (
    <form onSubmit={submit}>
      {again
        ? (
          <p>
            {signInReason() === "confirm"
              ? "Sign in again to confirm that it is you."
              : "Your session has ended. Sign in to continue where you were."}
          </p>
        )
        : <p>Manage the projects, tokens, usage and cost of this proxy.</p>}
      {isNamed && (
        <Input label="Name" name="username" autocomplete="username" required value={name} set={setName} />
      )}
      {invitation === undefined && withToken
        ? (
          <Input
            label="Management token"
            help="The value of MANAGEMENT_TOKEN in the proxy's configuration. This page does not store it."
            type="password"
            name="token"
            autocomplete="current-password"
            required
            autofocus
            value={secret}
            set={setSecret}
          />
        )
        : (
          <Input
            label={invitation === undefined ? "Passphrase" : "New passphrase"}
            help={invitation === undefined ? "" : "At least 12 characters. Several words are good."}
            type="password"
            name="passphrase"
            autocomplete={invitation === undefined ? "current-password" : "new-password"}
            required
            value={secret}
            set={setSecret}
          />
        )}
      {failure && <ErrorMessage error={failure} />}
      {invitation === undefined && passkeyState() === "ready" && (
        <p>
          <Button disabled={passkey.busy} onClick={passkey.submit}>Sign in with a passkey</Button>
        </p>
      )}
      {invitation === undefined && signInProviders().map(({ title, path }) => (
        <p key={path}>
          <a href={`${path}?${returnQuery(again)}`}>Sign in with {title}</a>
        </p>
      ))}
      <footer>
        {invitation === undefined && (
          <button
            type="button"
            onClick={() => {
              setWithToken(!withToken);
              setSecret("");
            }}
          >
            {withToken ? "Use a name and a passphrase" : "Use the management token"}
          </button>
        )}
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
