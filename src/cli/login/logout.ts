/** `llm-proxy logout` */

import { MANAGE_PATH } from "../../management/api/manage.ts";
import { CommandError } from "../command_error.ts";
import { type Send, sendWithLogin } from "../manage/send.ts";
import { writeResult } from "../output.ts";
import { forgetLogin, loginAddress, onlyLogin, type SavedLogin, savedLogins } from "./saved_logins.ts";

/**
 * Revokes the token of a login and deletes it here. With `here`, only deletes it. Throws a
 * {@link CommandError} if there is no login, or if the proxy cannot revoke its token.
 */
export async function logout(
  { url: named, here }: { readonly url?: string; readonly here?: true },
): Promise<void> {
  const [url, login] = loginAt(named);
  const state = here === true ? "deleted here" : await revokeLogin(await sendWithLogin(url, login), login);
  forgetLogin(url);
  writeResult(
    { url, state },
    () =>
      state === "deleted here"
        ? `The login at ${url} is deleted here. Its token stays valid until it is revoked or expires.\n`
        : state === "revoked"
        ? `You are logged out of ${url}. The token is revoked.\n`
        : `You are logged out of ${url}. The token had ended already.\n`,
  );
}

/** Revokes the token of a login. Throws a {@link CommandError} if the proxy does not do it. */
export async function revokeLogin(
  send: Send,
  { token_id: id }: SavedLogin,
): Promise<"revoked" | "ended"> {
  const { status } = await send(`${MANAGE_PATH}/management-tokens/${encodeURIComponent(id)}`, {
    method: "DELETE",
  });
  if (status === 204) return "revoked";
  // The proxy knows the token no more: it has expired, or was revoked at the admin page.
  if (status === 401 || status === 404) return "ended";
  throw new CommandError(
    `The proxy does not revoke the token (status ${status}). To delete the login only here: llm-proxy logout --here`,
  );
}

function loginAt(named: string | undefined): readonly [string, SavedLogin] {
  if (named === undefined) {
    const only = onlyLogin();
    if (only !== undefined) return only;
    throw new CommandError("You are not logged in at a proxy.");
  }
  const url = loginAddress(named);
  const login = savedLogins().get(url);
  if (login !== undefined) return [url, login];
  throw new CommandError(`You are not logged in at ${url}.`);
}
